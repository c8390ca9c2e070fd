import * as z from 'zod';
import { BACKUP_STATES } from './backup-search.ts';
import {
  BackupKeyText,
  BackupReference,
  BackupTypeText,
  Count,
  Cursor,
  Depth,
  Marks,
  Moment,
  NameText,
  pageLimit,
  ReasonText,
  SourceName,
  Time,
} from './values.ts';

/** Backups in one page of `list`. */
const LIST_LIMIT = { fallback: 50, most: 200 };
const RETENTION_LIMIT = { fallback: 200, most: 1000 };
const MOST_ACCEPTED = 100;
const MOST_SEARCH_CHARS = 500;

/** A backup in a list. */
export const ApiBackup = z
  .object({
    key: BackupKeyText,
    name: z.string().describe('enough to name it: backup_daily_20260301_020000'),
    type: z.string(),
    source: SourceName,
    startedAt: Time,
    finishedAt: Time,
    note: z.string().nullable(),
    imported: z
      .object({ at: Time, format: z.string() })
      .optional()
      .describe('for a backup made from a file: when, and the kind of file; the backup has the file’s date'),
    records: Count,
    plainBytes: Count.describe('of its records'),
    storedBytes: Count.describe('that its run added to the repository'),
    neededBytes: Count.describe('of all packs that it needs'),
    state: z.enum(['whole', 'unproven', 'damaged']).describe('unproven: the API has no key to check it with'),
    problem: z.string().nullable(),
    isMisdated: z.boolean().describe('dated long after it was stored: it does not count as a good backup'),
    isBase: z.boolean().describe('stored changes can be applied to it'),
    suspect: z.array(z.object({ code: z.string(), datasets: Count, before: Count, now: Count })),
    marks: Marks,
  })
  .meta({ id: 'Backup' });
export type ApiBackup = z.infer<typeof ApiBackup>;

/** The query of `GET /list`. */
export const ListQuery = z.strictObject({
  type: BackupTypeText.optional(),
  source: NameText.optional().describe('a source, by its full name; 404 if there is none'),
  q: z
    .string()
    .max(MOST_SEARCH_CHARS)
    .optional()
    .describe('words that its name, type, note and source together contain, in any case and order'),
  state: z.enum(BACKUP_STATES).optional(),
  from: Moment.optional().describe('started then or later'),
  to: Moment.optional().describe('started before then; for a date: on that day or before'),
  limit: pageLimit(LIST_LIMIT.fallback, LIST_LIMIT.most),
  cursor: Cursor.optional(),
});
export type ListQuery = z.infer<typeof ListQuery>;

/** The answer of `GET /list`: a page of backups. */
export const ListAnswer = z.object({
  backups: z.array(ApiBackup).describe('newest first'),
  nextCursor: z.string().nullable().describe('null: there are no more'),
});
export type ListAnswer = z.infer<typeof ListAnswer>;

const RetentionDecision = z.object({ keep: z.boolean(), reasons: z.array(z.string()) });

/** Something that a report says about a backup. */
const HistoryEntry = z.object({
  at: Time,
  kind: z.enum(['hold', 'release', 'accept', 'verify', 'drill', 'repair', 'audit']),
  report: z.string(),
  reason: z.string().optional(),
  depth: Depth.optional(),
  isWhole: z.boolean().optional(),
  outcome: z.string().optional(),
  restoreMs: Count.optional(),
  action: z.string().optional(),
  by: z.string().optional(),
});

/** The part that only the key opens. */
const SealedDetail = z.object({
  server: z.string(),
  position: z.string(),
  omitted: z.array(z.string()),
  findings: z
    .object({
      against: z.string(),
      findings: z.array(
        z.object({ code: z.string(), dataset: z.string().nullable(), before: Count, now: Count }),
      ),
    })
    .nullable(),
  datasets: z.array(
    z.object({
      name: z.string(),
      kind: z.enum(['schema', 'data']),
      partitions: Count,
      records: Count,
      plainBytes: Count,
      chunks: Count,
    }),
  ),
});

/** The answer of `GET /backups/{key}`. */
export const BackupDetailAnswer = ApiBackup.extend({
  parent: BackupKeyText.nullable(),
  consistency: z.string(),
  window: z.object({ from: Time, to: Time }).nullable(),
  software: z.string(),
  packs: Count,
  datasetCount: Count,
  sealed: SealedDetail.nullable().describe(
    'null if the API has no key: the plan of a restore names the datasets',
  ),
  retention: RetentionDecision.nullable().describe('null if the next prune will not touch this backup'),
  history: z.array(HistoryEntry).describe('newest first'),
});
export type BackupDetailAnswer = z.infer<typeof BackupDetailAnswer>;

/** The body of holds and releases: which backup, and why. */
export const HoldBody = z.strictObject({ backup: BackupReference, reason: ReasonText });
/** The answer to a hold or a release, with what was there before. */
export const HoldAnswer = z.object({
  key: BackupKeyText,
  reason: z.string(),
  before: z.object({ reason: z.string(), at: Time }).nullable(),
  report: z.string(),
});
export type HoldAnswer = z.infer<typeof HoldAnswer>;

/** The body of `POST /accept`. */
export const AcceptBody = z.strictObject({
  backups: z.array(BackupReference).min(1).max(MOST_ACCEPTED),
  reason: ReasonText,
});
/** The answer of `POST /accept`. */
export const AcceptAnswer = z.object({
  backups: z.array(BackupKeyText),
  reason: z.string(),
  report: z.string(),
});
export type AcceptAnswer = z.infer<typeof AcceptAnswer>;

/** The query of `GET /retention`. */
export const RetentionQuery = z.strictObject({
  show: z.enum(['all', 'kept', 'expiring']).default('all'),
  limit: pageLimit(RETENTION_LIMIT.fallback, RETENTION_LIMIT.most),
  cursor: Cursor.optional(),
});
export type RetentionQuery = z.infer<typeof RetentionQuery>;

/** What a prune would decide now. */
export const RetentionAnswer = z.object({
  now: Time,
  policy: z.object({
    days: z.record(z.string(), z.number()),
    counts: z.record(z.string(), z.number()),
    graceDays: z.number(),
  }),
  kept: Count,
  expiring: Count,
  bytes: z
    .object({
      stored: Count,
      kept: Count,
      held: Count.describe('kept only because of a hold or a lock'),
      later: Count.describe('that a later prune frees, once their grace is over'),
      now: Count.describe('that the next prune frees'),
      isLockKnown: z
        .boolean()
        .describe('false: there are too many locks to check; now and later may turn out smaller'),
    })
    .describe('of all packs, by what happens to them; a pack that several backups need counts once'),
  refusal: z.string().nullable().describe('why a prune would refuse'),
  blockedBy: z.string().nullable().describe('why no pack would be removed'),
  decisions: z.array(
    RetentionDecision.extend({
      key: BackupKeyText,
      name: z.string(),
      type: z.string(),
      source: SourceName.nullable(),
      startedAt: Time,
    }),
  ),
  nextCursor: z.string().nullable(),
});
export type RetentionAnswer = z.infer<typeof RetentionAnswer>;
