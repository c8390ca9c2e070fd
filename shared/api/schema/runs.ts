import * as z from 'zod';
import { EXPORT_FORMATS } from '../../core/api-names.ts';
import { RUN_KINDS } from '../../core/run-kinds.ts';
import { ApiRowsPlan, RowSelection, TargetChanges } from './inside.ts';
import {
  BackupKeyText,
  BackupReference,
  BackupTypeText,
  Count,
  ErrorText,
  NameText,
  pageLimit,
  RunId,
  Time,
} from './values.ts';

const RUNS_LIMIT = { fallback: 50, most: 200 };
const MOST_DATASETS = 1000;
const MOST_NOTE_CHARS = 500;
const MOST_PATH_CHARS = 1000;
const MOST_OPTION_NAME_CHARS = 60;
const MOST_CONFIRM_CHARS = 300;
const MOST_TRANSACTION_CHARS = 100;

const noteText = z
  .string()
  .max(MOST_NOTE_CHARS)
  .regex(/^[^\p{Cc}]*$/u, 'give one line without control characters');

/** A started run; `GET /runs/{id}` shows its progress. */
export const RunStarted = z.object({ run: RunId }).meta({ id: 'RunStarted' });
export type RunStarted = z.infer<typeof RunStarted>;

/** The body of `POST /create`. */
export const CreateBody = z.strictObject({
  source: NameText.optional().describe('a configured name; may be left out if there is only one'),
  type: BackupTypeText.default('manual'),
  note: noteText.optional(),
  noParent: z
    .boolean()
    .default(false)
    .describe('compares with no earlier backup and refers to none: everything is stored again'),
});
export type CreateBody = z.infer<typeof CreateBody>;

/** The body of `POST /verify`. */
export const VerifyBody = z
  .strictObject({
    backup: BackupReference.optional(),
    since: z
      .string()
      .regex(/^\d{1,5}[mhd]$/, 'give an age such as 30m, 12h or 7d')
      .optional()
      .describe('all backups that were not found whole since then'),
    depth: z.enum(['quick', 'full']).default('full'),
  })
  .refine(({ backup, since }) => (backup === undefined) !== (since === undefined), {
    error: 'give either backup or since',
    path: ['backup'],
  });
export type VerifyBody = z.infer<typeof VerifyBody>;

/** The body of `POST /drill`. */
export const DrillBody = z.strictObject({
  source: NameText.optional().describe(
    'its newest good backup: a configured name, or as GET /list shows it; may be missing if all backups are of one source',
  ),
  backup: BackupReference.optional(),
  noMoment: z.boolean().optional().describe('only the backup, although changes after it are stored'),
});
export type DrillBody = z.infer<typeof DrillBody>;

/** The body of `POST /copy`. */
export const CopyBody = z.strictObject({
  place: NameText.optional().describe('a configured second place; may be left out if there is only one'),
});
export type CopyBody = z.infer<typeof CopyBody>;

/** The body of `POST /lock`: nothing. */
export const LockBody = z.strictObject({});
export type LockBody = z.infer<typeof LockBody>;

/** Options of targets by name. */
const SpecialOptions = z.record(
  z.string().max(MOST_OPTION_NAME_CHARS),
  z.union([z.string().max(MOST_PATH_CHARS), z.number(), z.boolean()]),
);

/** A name that every kind of server takes unchanged. */
const NewDatabaseName = z
  .string()
  .regex(
    /^[A-Za-z][A-Za-z0-9_-]{0,62}$/,
    "give 1 to 63 of A-Z, a-z, 0-9, '_' and '-', beginning with a letter",
  );

/** What says how whole datasets are restored. */
const NOT_WITH_ROWS = [
  'newDatabase',
  'datasets',
  'path',
  'toPath',
  'replace',
  'merge',
  'resume',
  'keepGoing',
  'options',
] as const;

const NOT_WITH_MOMENT = ['backup', 'rows', 'path', 'toPath', 'merge'] as const;

/** A request names either a backup or a moment of a source. */
function momentProblems({
  value,
  issues,
}: z.core.ParsePayload<{
  readonly backup?: string | undefined;
  readonly source?: string | undefined;
  readonly at?: string | undefined;
  readonly beforeTransaction?: string | undefined;
  readonly rows?: unknown;
  readonly path?: string | undefined;
  readonly toPath?: string | undefined;
  readonly merge: boolean;
}>): void {
  const { backup, source, at, beforeTransaction } = value;
  const refuse = (field: keyof typeof value, message: string) =>
    issues.push({ code: 'custom', path: [field], message, input: value[field] });
  if (at === undefined && beforeTransaction === undefined) {
    if (source !== undefined) refuse('source', 'give at or beforeTransaction with it, or a backup instead');
    else if (backup === undefined) refuse('backup', 'is missing; or give source and at');
    return;
  }
  if (source === undefined) refuse('source', 'is missing: whose moment?');
  if (at !== undefined && beforeTransaction !== undefined)
    refuse('beforeTransaction', 'does not go with at: give one of them');
  for (const field of NOT_WITH_MOMENT)
    if (value[field] !== undefined && value[field] !== false) refuse(field, 'does not go with a moment');
}

/** The body of `POST /restore` and of its plan. */
export const RestoreBody = z
  .strictObject({
    backup: BackupReference.optional().describe('or a moment of a source'),
    source: NameText.optional().describe(
      'a configured source that is backed up continuously, with `at` or `beforeTransaction`',
    ),
    at: z
      .union([z.literal('latest'), z.iso.datetime({ offset: true })])
      .optional()
      .describe(
        'the moment, with its zone, by the clock of the database; or `latest`, everything that is stored',
      ),
    beforeTransaction: z
      .string()
      .max(MOST_TRANSACTION_CHARS)
      .optional()
      .describe('the id of the transaction to stop before, as the server writes it'),
    to: NameText.optional().describe(
      'name of a configured target; with newDatabase the one whose server makes it',
    ),
    newDatabase: NewDatabaseName.optional().describe(
      'make a database of that name and restore into it: on the server of `to`, otherwise on the drill server',
    ),
    datasets: z.array(NameText).min(1).max(MOST_DATASETS).optional(),
    rows: RowSelection.optional().describe('only these rows, into existing tables'),
    path: z.string().max(MOST_PATH_CHARS).optional(),
    toPath: z.string().max(MOST_PATH_CHARS).optional(),
    replace: z.boolean().default(false),
    merge: z.boolean().default(false),
    resume: z.boolean().default(false).describe('continue an interrupted restore, for kinds that can'),
    keepGoing: z.boolean().default(false).describe('skip what the database refuses, for kinds that can'),
    options: SpecialOptions.optional().describe(
      'options that only targets of its kind have: GET /status lists them in configured.kinds',
    ),
    dryRun: z.boolean().default(false),
    confirm: z
      .string()
      .max(MOST_CONFIRM_CHARS)
      .optional()
      .describe('from the dry run of the same request: needed if dryRun is false'),
  })
  .check(({ value, issues }) => {
    if (!value.rows) return;
    for (const field of NOT_WITH_ROWS)
      if (value[field] !== undefined && value[field] !== false)
        issues.push({ code: 'custom', path: [field], message: 'does not go with rows', input: value[field] });
  })
  .check(momentProblems);
export type RestoreBody = z.infer<typeof RestoreBody>;

/** What a restore would do, as routes answer it. */
export const ApiRestorePlan = z
  .object({
    target: z.string(),
    datasets: z.array(z.object({ name: z.string(), records: Count, plainBytes: Count })),
    steps: z.array(z.string()),
    conflicts: z.array(z.string()).describe('in the way: refused, unless replace'),
    drops: z.array(z.string()).describe('what replace will drop'),
    losses: z.array(z.string()).describe('what is dropped with those and is not restored'),
    warnings: z.array(z.string()),
    rows: ApiRowsPlan.optional().describe('of a restore of rows'),
  })
  .meta({ id: 'RestorePlan' });
export type ApiRestorePlan = z.infer<typeof ApiRestorePlan>;

/** What the restore of a moment applies to its base. */
export const ApiMomentPlan = z
  .object({
    at: Time.nullable().describe(
      'the moment; of `latest` the one that is reached now: restore that one. null: before a transaction',
    ),
    beforeTransaction: z.string().nullable(),
    baseAt: Time.describe('everything in the base was committed by then'),
    segments: Count,
    transactions: Count,
    plainBytes: Count.describe('of changes'),
    replaySeconds: Count.describe('an estimate of how long the changes take, after the base'),
    replayBy: z
      .enum(['drill', 'benchmark'])
      .describe(
        'what the estimate is taken from: the newest drill of the source that applied changes for a second or more, if any',
      ),
    notCarried: z.array(z.string()).describe('what the changes lack, or warn of: sentences'),
  })
  .meta({ id: 'MomentPlan' });
export type ApiMomentPlan = z.infer<typeof ApiMomentPlan>;

/** The answer to a plan, with the token that confirms it. */
export const RestorePlanAnswer = z.object({
  key: BackupKeyText.describe('of a moment: the base that the changes are applied to'),
  plan: ApiRestorePlan,
  changes: TargetChanges.nullable().describe(
    'rows that a whole restore would change at its target, as it is now; null if it is made new, for rows, and on AWS',
  ),
  moment: ApiMomentPlan.nullable().describe('what is applied to the base; null: only the backup is restored'),
  confirm: z.string().describe('for the same request without dryRun, by the same caller'),
  confirmExpiresAt: Time,
});
export type RestorePlanAnswer = z.infer<typeof RestorePlanAnswer>;

/** How far a run is. */
export const Progress = z.object({
  phase: z.string(),
  doneBytes: Count.describe('of records'),
  totalBytes: Count.nullable().describe('an estimate'),
  storedBytes: Count,
  doneDatasets: Count.describe('datasets that are done in this phase'),
  totalDatasets: Count.nullable(),
  bytesPerSecond: Count.nullable().describe('over the last seconds; null if nothing moves'),
  leftMs: Count.nullable().describe('an estimate for this phase'),
  shares: z
    .object({ done: Count, total: Count })
    .nullable()
    .describe('for a backup on AWS: stored shares; its bytes are known at the end'),
});
export type Progress = z.infer<typeof Progress>;

/** Options of a request that started a backup or a verification. */
const RunAsked = z.object({
  note: z.string().optional(),
  noParent: z.boolean().optional(),
  depth: z.enum(['quick', 'full']).optional(),
  since: z.string().optional(),
});

/** A run, as routes answer it. */
export const ApiRun = z
  .object({
    id: RunId,
    kind: z.enum(RUN_KINDS),
    state: z
      .enum(['running', 'succeeded', 'failed', 'cancelled', 'stopped'])
      .describe('stopped: its process was stopped, or died and recorded no end'),
    isSuspect: z
      .boolean()
      .describe('for a backup that succeeded: it is listed, but somebody must look at it'),
    startedAt: Time,
    finishedAt: Time.nullable(),
    by: z.string().nullable(),
    source: z.string().nullable(),
    type: z.string().nullable(),
    backup: BackupKeyText.nullable().describe('the one that it made or used'),
    target: z.string().nullable(),
    progress: Progress.nullable(),
    error: ErrorText.nullable().describe('for a cancelled run: what is left to do'),
    plainBytes: Count.nullable().describe('of records, once it has ended'),
    storedBytes: Count.nullable().describe('that a backup added, once it has ended'),
    asked: RunAsked.nullable().describe('its other options, to start the same again'),
    cancelledBy: z.string().nullable().describe('who asked to cancel it; it may still be running'),
  })
  .meta({ id: 'Run' });
export type ApiRun = z.infer<typeof ApiRun>;

/** The query of `GET /runs`. */
export const RunsQuery = z.strictObject({ limit: pageLimit(RUNS_LIMIT.fallback, RUNS_LIMIT.most) });
export type RunsQuery = z.infer<typeof RunsQuery>;

/** The answer of `GET /runs`. */
export const RunsAnswer = z.object({ runs: z.array(ApiRun).describe('newest first') });
export type RunsAnswer = z.infer<typeof RunsAnswer>;

/**
 * The target's state after a restore that did not end well: from a look at it afterwards, if there was one.
 */
export const TARGET_STATES = [
  'untouched',
  'empty',
  'part',
  'uncompared',
  'incomplete',
  'different',
  'removed',
  'unknown',
] as const;
/** What a restore that ended badly left in its target. */
export type TargetState = (typeof TARGET_STATES)[number];

/** What can be done about a restore that did not end well. */
export const RESTORE_WAYS = ['again', 'replace', 'resume', 'keep-going', 'missing'] as const;
/** One of the ways on. */
export type RestoreWay = (typeof RESTORE_WAYS)[number];

/** What is known of the restore of a run. */
export const RestoreRun = z
  .object({
    to: z.string().nullable(),
    newDatabase: z.string().nullable(),
    datasets: z.array(z.string()).nullable().describe('null: all'),
    mode: z.enum(['empty', 'replace', 'merge']),
    options: SpecialOptions.nullable().describe('options that only targets of its kind have'),
    moment: z
      .object({ source: z.string(), at: z.string().nullable(), beforeTransaction: z.string().nullable() })
      .nullable()
      .describe('that was asked for; null: a backup was restored'),
    state: z
      .enum(TARGET_STATES)
      .nullable()
      .describe('of the target, for a run that failed or was cancelled; null while it runs, and for others'),
    missing: z.array(z.string()).describe('datasets that are not known to be whole at the target'),
    ways: z.array(z.enum(RESTORE_WAYS)).describe('what can be done, the best first'),
  })
  .meta({ id: 'RestoreRun' });
export type RestoreRun = z.infer<typeof RestoreRun>;

/** The answer of `GET /runs/{id}`, with its log. */
export const RunAnswer = ApiRun.extend({
  log: z
    .array(z.object({ at: Time, level: z.enum(['info', 'warning', 'error']), message: z.string() }))
    .describe('the last lines, oldest first'),
  result: z.record(z.string(), z.unknown()).nullable().describe('figures; which, depends on the kind'),
  restore: RestoreRun.nullable().describe('for a restore that this process knows'),
});
export type RunAnswer = z.infer<typeof RunAnswer>;

/** The query of a download. */
export const DownloadQuery = z.strictObject({
  dataset: NameText.optional(),
  format: z
    .enum(EXPORT_FORMATS)
    .optional()
    .describe('default: the first that GET /status lists for the kind of source'),
  prepared: RunId.optional().describe('run of an earlier 202 response that has succeeded'),
});
export type DownloadQuery = z.infer<typeof DownloadQuery>;

/** Where to get a prepared export. */
export const DownloadLink = z
  .object({
    url: z.string().describe('valid for at most 15 minutes; needs no other credentials'),
    expiresAt: Time,
    fileName: z.string(),
    bytes: Count,
  })
  .meta({ id: 'DownloadLink' });
export type DownloadLink = z.infer<typeof DownloadLink>;
