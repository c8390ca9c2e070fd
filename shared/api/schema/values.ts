import * as z from 'zod';

/**
 * Building blocks of the admin API's requests and responses. Times are ISO 8601 in UTC, sizes are in bytes.
 */

export const Time = z.iso.datetime().describe('ISO 8601, UTC');
/** A number of things: a whole one, 0 or more. */
export const Count = z.int().min(0);
/** Longest reason of a decision, in characters. */
export const MOST_REASON_CHARS = 500;
const MOST_REFERENCE_CHARS = 120;
const MOST_NAME_CHARS = 200;

/** The whole path of a manifest. */
export const BackupKeyText = z.string().max(MOST_REFERENCE_CHARS);

/** A backup as a request names it: `backup_daily_20260301_020000`, or its whole path. */
export const BackupReference = z
  .string()
  .max(MOST_REFERENCE_CHARS)
  .regex(
    /^(?:backups\/[a-z][a-z0-9-]{0,31}\/\d{8}\/)?backup_[a-z][a-z0-9-]{0,31}_\d{8}_\d{6}(?:\.json)?$/,
    'give the name of a backup such as backup_daily_20260301_020000, or its whole path',
  );

/** A type of backups, such as `daily`. */
export const BackupTypeText = z
  .string()
  .regex(/^[a-z][a-z0-9-]{0,31}$/, "a type has 1 to 32 of a-z, 0-9 and '-', beginning with a letter");

/** Name of a source, target or dataset. */
export const NameText = z.string().min(1).max(MOST_NAME_CHARS);

/** One line, no control characters. */
export const ReasonText = z
  .string()
  .trim()
  .min(1)
  .max(MOST_REASON_CHARS)
  .regex(/^[^\p{Cc}]*$/u, 'give one line without control characters');

/** The id of a run. */
export const RunId = z.string().regex(/^[A-Za-z0-9_-]{1,80}$/, 'give the id of a run');

/** Where the next page begins; its content is opaque. */
export const Cursor = z
  .string()
  .max(400)
  .regex(/^[A-Za-z0-9_-]+$/, 'give a nextCursor of an earlier response');

/** An ISO date, or a time with its zone. */
export const Moment = z.union([z.iso.date(), z.iso.datetime({ offset: true })]);

/** How many entries a page may have; as a query, it is text. */
export function pageLimit(fallback: number, most: number) {
  return z.coerce.number().int().min(1).max(most).default(fallback);
}

/** A source: its kind and its name. */
export const SourceName = z.object({ kind: z.string(), name: z.string() });

const At = { at: Time, report: z.string().describe('path of the report') };
const Reason = z.object({ ...At, reason: z.string() });
/** How thorough a verification was. */
export const Depth = z.object({
  kind: z.enum(['quick', 'full', 'subset', 'new']),
  part: Count.optional(),
  of: Count.optional(),
});
const VerifyMark = z.object({ ...At, depth: Depth, isWhole: z.boolean() });
const FullVerifyMark = z.object(At);
/** What is kept at a backup of its last drill. */
export const DrillMark = z.object({
  ...At,
  outcome: z.enum(['equal', 'different', 'failed']),
  restoreMs: Count,
  records: Count,
  compareMs: Count.optional(),
  plainBytes: Count.optional().describe('of records that were restored'),
  server: z.string().optional().describe('product and version of the server that was restored to'),
  datasets: Count.optional().describe('that were compared'),
  differentDatasets: Count.optional(),
  schema: z
    .enum(['equal', 'different', 'names', 'none'])
    .optional()
    .describe(
      'names: definitions could not be compared; none: there is no schema, or the drill did not get that far',
    ),
  error: z.string().optional().describe('why it failed: a code'),
  source: SourceName.optional().describe('as the backup names it'),
  manifestSha256: z.string().optional().describe('of the backup’s manifest at that time'),
  startedAt: Time.optional(),
  by: z.string().optional().describe('who asked for it; missing for a command line or a schedule'),
});

/** What reports say about a backup, the newest of each kind; missing if there is none. */
export const Marks = z.object({
  hold: Reason.optional(),
  accept: Reason.optional(),
  verify: VerifyMark.optional(),
  fullVerify: FullVerifyMark.optional(),
  drill: DrillMark.optional(),
});

/** Marks of a list of backups, each with the backup that it is of. */
export const MarkOf = {
  verify: VerifyMark.extend({ key: BackupKeyText }),
  fullVerify: FullVerifyMark.extend({ key: BackupKeyText }),
  drill: DrillMark.extend({ key: BackupKeyText }),
};

/** An error's message: in a run, and in `health`. */
export const ErrorText = z
  .object({
    code: z.string(),
    message: z.string(),
    hint: z.string().nullable(),
  })
  .meta({ id: 'Failure' });
export type ErrorText = z.infer<typeof ErrorText>;
