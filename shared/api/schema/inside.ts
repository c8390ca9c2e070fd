import * as z from 'zod';
import { BackupKeyText, BackupReference, Count, NameText, pageLimit, Time } from './values.ts';

/** Rows in one page. */
const ROWS_LIMIT = { fallback: 50, most: 200 };
const VERSIONS_LIMIT = { fallback: 30, most: 100 };
const MOST_TEXT_CHARS = 1500;
const MOST_CURSOR_CHARS = 200;
const MOST_KEYS = 1000;
const MOST_CONDITIONS = 20;
const MOST_OTHERS = 50;
const MOST_TABLE_CHARS = 63;

/** Where the next page begins; its content is opaque. */
const After = z
  .string()
  .max(MOST_CURSOR_CHARS)
  .regex(/^[A-Za-z0-9_-]+$/, 'give an `after` of an earlier response');

const OneOrMore = z.string().min(1).max(MOST_TEXT_CHARS);
/** A value as the database writes it; null is NULL. */
const Value = z.string().nullable();

/** The query of `GET /rows/{key}`. */
export const RowsQuery = z.strictObject({
  dataset: NameText.optional().describe('may be left out if the backup has only one'),
  where: OneOrMore.optional().describe(
    'a condition such as `id = 42`, `email ~ @example.org` or `paid_at is null`; several that must all hold as a JSON array of texts',
  ),
  columns: OneOrMore.optional().describe(
    'one name, or several as a JSON array, in the order in which they are wanted',
  ),
  limit: pageLimit(ROWS_LIMIT.fallback, ROWS_LIMIT.most),
  after: After.optional(),
});
export type RowsQuery = z.infer<typeof RowsQuery>;

/** A column of rows. */
export const ApiColumn = z
  .object({
    name: z.string(),
    type: z.string().describe('as the database writes it'),
    isKey: z.boolean().describe('part of the key'),
    isNumber: z.boolean().describe('its values are decimal numbers'),
  })
  .meta({ id: 'Column' });
export type ApiColumn = z.infer<typeof ApiColumn>;

/** Values that are longer than what is shown of them. */
const CutValues = z
  .array(
    z.object({
      column: Count.describe('its place, from 0'),
      characters: Count.describe('of the whole value'),
    }),
  )
  .optional()
  .describe('values that were cut; missing if there are none');

/** The answer of `GET /rows/{key}`. */
export const RowsAnswer = z.object({
  key: BackupKeyText,
  dataset: z.string(),
  columns: z.array(ApiColumn),
  rows: z.array(z.object({ values: z.array(Value), cut: CutValues })),
  searched: Count.describe('records that were read for this page'),
  after: z
    .string()
    .optional()
    .describe('for the next page; missing at the end. A page may have few rows or none, and more may follow'),
  isMasked: z.boolean().describe('personal values are replaced: the caller may not see them'),
});
export type RowsAnswer = z.infer<typeof RowsAnswer>;

/** The query of `GET /diff/{key}`. */
export const DiffQuery = z.strictObject({
  with: z
    .string()
    .refine((text) => text === 'live' || BackupReference.safeParse(text).success, {
      error: "give 'live' or the name of a backup such as backup_daily_20260301_020000",
    })
    .describe('what to compare it with: another backup, or `live`, its source as it is now'),
  dataset: NameText.optional().describe('the one whose rows to return; missing: only counts, of all'),
  limit: pageLimit(ROWS_LIMIT.fallback, ROWS_LIMIT.most),
  after: After.optional(),
});
export type DiffQuery = z.infer<typeof DiffQuery>;

const ChangedRow = z.object({
  change: z.enum(['added', 'removed', 'changed']),
  key: z.array(Value).describe('whole values of the columns of the key, in their order'),
  before: z.array(Value).optional(),
  after: z.array(Value).optional(),
  changedColumns: z.array(Count).optional().describe('of a changed row: places of the columns that differ'),
  cut: CutValues,
});

/** What differs of a dataset. */
export const ApiDatasetDiff = z
  .object({
    name: z.string(),
    kind: z.enum(['schema', 'data']),
    isIn: z.enum(['both', 'first', 'second']),
    added: Count.nullable().describe(
      'rows that only the second has; null: not counted, as it would take too long',
    ),
    removed: Count.nullable().describe('rows that only the first has'),
    changed: Count.nullable(),
    schema: z.array(z.string()).describe('what differs besides rows, a sentence each'),
    columns: z.array(ApiColumn).describe('those that both have; of the dataset that was asked for'),
    rows: z.array(ChangedRow),
    after: z.string().optional().describe('for the next page of rows; missing at the end'),
  })
  .meta({ id: 'DatasetDiff' });
export type ApiDatasetDiff = z.infer<typeof ApiDatasetDiff>;

/** The answer of `GET /diff/{key}`. */
export const DiffAnswer = z.object({
  key: BackupKeyText.describe('the first of the two'),
  with: z.string().describe('the second: the path of a backup, or `live`'),
  datasets: z.array(ApiDatasetDiff),
  isComplete: z.boolean().describe('false: some datasets were not counted; name one'),
});
export type DiffAnswer = z.infer<typeof DiffAnswer>;

/** The query of `GET /row-history`. */
export const RowHistoryQuery = z.strictObject({
  source: NameText.optional().describe('a configured name; may be left out if there is only one'),
  dataset: NameText,
  key: OneOrMore.describe('the value of its key; of a key of several columns a JSON array of texts'),
  limit: pageLimit(VERSIONS_LIMIT.fallback, VERSIONS_LIMIT.most).describe('the newest backups to look into'),
  moments: z
    .enum(['true', 'false'])
    .default('false')
    .describe(
      '`true`: also what transactions between backups made of it, from the stored changes of continuous backup',
    ),
});
export type RowHistoryQuery = z.infer<typeof RowHistoryQuery>;

/** The answer of `GET /row-history`. */
export const RowHistoryAnswer = z.object({
  source: z.string(),
  dataset: z.string(),
  versions: z
    .array(
      z.object({
        key: BackupKeyText.nullable().describe('the first backup that has it so; null: none does'),
        startedAt: Time.describe(
          'of that backup; of a version that a transaction made, when that was committed',
        ),
        transaction: z.string().nullable().describe('what made it so; null if only backups say it'),
        columns: z.array(z.object({ name: z.string(), type: z.string(), isNumber: z.boolean() })),
        values: z.array(Value).nullable().describe('null: the row is not there'),
        cut: CutValues,
      }),
    )
    .describe('oldest first'),
  warnings: z.array(z.string()).describe('between which backups transactions are not known, and why'),
  backups: Count.describe('that were looked into'),
  isComplete: z.boolean().describe('false: there are older backups, or there was no time for the newest'),
});
export type RowHistoryAnswer = z.infer<typeof RowHistoryAnswer>;

const Conditions = z.array(z.string().min(1).max(MOST_TEXT_CHARS)).min(1).max(MOST_CONDITIONS);
const Choice = {
  dataset: NameText,
  where: Conditions.optional().describe('conditions that must all hold'),
  keys: z
    .array(z.array(Value).min(1))
    .min(1)
    .max(MOST_KEYS)
    .optional()
    .describe('rows by the values of their key, in the order of its columns'),
  all: z
    .literal(true)
    .optional()
    .describe('every row of the dataset, also beside `remove`; not with `where` or `keys`'),
  remove: z
    .array(z.record(z.string().min(1), Value))
    .min(1)
    .max(MOST_KEYS)
    .optional()
    .describe(
      'rows to remove from the target, such as `added` ones of a comparison: values by column, those of the key at least. A row that holds other values by then differs. With `remove` alone no row of the dataset is put back: add `all`, `where` or `keys` for that',
    ),
};

/** Rows to put back, of the body of `POST /restore`. */
export const RowSelection = z.strictObject({
  ...Choice,
  more: z
    .array(z.strictObject(Choice))
    .max(MOST_OTHERS)
    .optional()
    .describe('rows of other datasets, put back in the same transaction'),
  onConflict: z
    .enum(['skip', 'replace', 'fail'])
    .default('fail')
    .describe('what to do with rows that exist in the target and differ'),
  beside: z
    .union([z.boolean(), z.string().min(1).max(MOST_TABLE_CHARS)])
    .default(false)
    .describe(
      'true: into a new table, whose name is made from that of the dataset; or the name of the new table',
    ),
});
export type RowSelection = z.infer<typeof RowSelection>;

/** What a restore of rows would do. */
export const ApiRowsPlan = z
  .object({
    beside: z.string().optional().describe('the new table'),
    datasets: z.array(
      z.object({
        name: z.string(),
        key: z.array(z.string()).describe('columns that rows are matched by; empty for a new table'),
        added: Count,
        changed: Count,
        removed: Count.describe('rows to remove that the target has'),
        kept: Count.describe('rows that the target has and that differ: they stay as they are'),
        same: Count.describe('rows that the target has as they are in the backup'),
        notFound: Count.describe('keys that the backup lacks'),
      }),
    ),
    violations: z
      .array(z.string())
      .describe('what is in the way; nothing is written while there is anything'),
  })
  .meta({ id: 'RowsPlan' });
export type ApiRowsPlan = z.infer<typeof ApiRowsPlan>;

/** What a whole restore would change at its target. */
export const TargetChanges = z
  .object({
    datasets: z.array(
      z.object({
        name: z.string(),
        added: Count.nullable().describe('rows that would be added; null: not counted'),
        removed: Count.nullable().describe('rows that would be removed'),
        changed: Count.nullable(),
      }),
    ),
    isComplete: z.boolean().describe('false: there was not enough time to count everything'),
    problem: z.string().nullable().describe('why nothing could be counted'),
  })
  .meta({ id: 'TargetChanges' });
export type TargetChanges = z.infer<typeof TargetChanges>;
