import * as z from 'zod';
import { EXPORT_FORMATS } from '../../core/api-names.ts';
import { RUN_KINDS } from '../../core/run-kinds.ts';
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

const noteText = z
  .string()
  .max(MOST_NOTE_CHARS)
  .regex(/^[^\p{Cc}]*$/u, 'wanted is one line without control characters');

/** A run that was begun; `GET /runs/{id}` says how it goes. */
export const RunStarted = z.object({ run: RunId }).meta({ id: 'RunStarted' });
export type RunStarted = z.infer<typeof RunStarted>;

/** The body of `POST /create`. */
export const CreateBody = z.strictObject({
  source: NameText.optional().describe('a name of the configuration; may be left out if there is only one'),
  type: BackupTypeText.default('manual'),
  note: noteText.optional(),
  noParent: z
    .boolean()
    .default(false)
    .describe('compares with no earlier backup and refers to none: all is stored whole'),
});
export type CreateBody = z.infer<typeof CreateBody>;

/** The body of `POST /verify`. */
export const VerifyBody = z
  .strictObject({
    backup: BackupReference.optional(),
    since: z
      .string()
      .regex(/^\d{1,5}[mhd]$/, 'wanted is an age such as 30m, 12h or 7d')
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
    'the newest good backup of it: a name of the configuration, or as GET /list has it; may be missing where all backups are of one source',
  ),
  backup: BackupReference.optional(),
});
export type DrillBody = z.infer<typeof DrillBody>;

/** The body of `POST /copy`. */
export const CopyBody = z.strictObject({
  place: NameText.optional().describe(
    'a second place of the configuration; may be left out if there is only one',
  ),
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

/** A name that every kind of server takes as it is. */
const NewDatabaseName = z
  .string()
  .regex(/^[A-Za-z][A-Za-z0-9_-]{0,62}$/, "wanted are 1 to 63 of A-Z, a-z, 0-9, '_' and '-', a letter first");

/** The body of `POST /restore` and of its plan. */
export const RestoreBody = z.strictObject({
  backup: BackupReference,
  to: NameText.optional().describe(
    'name of a target of the configuration; with newDatabase the one whose server makes it',
  ),
  newDatabase: NewDatabaseName.optional().describe(
    'make a database of that name and restore into it: on the server of `to`, without one on that of drills',
  ),
  datasets: z.array(NameText).min(1).max(MOST_DATASETS).optional(),
  path: z.string().max(MOST_PATH_CHARS).optional(),
  toPath: z.string().max(MOST_PATH_CHARS).optional(),
  replace: z.boolean().default(false),
  merge: z.boolean().default(false),
  resume: z.boolean().default(false).describe('go on with a restore that broke off, of a kind that can'),
  keepGoing: z.boolean().default(false).describe('leave out what the database refuses, of a kind that can'),
  options: SpecialOptions.optional().describe(
    'what only targets of its kind know: GET /status lists it in configured.kinds',
  ),
  dryRun: z.boolean().default(false),
  confirm: z
    .string()
    .max(MOST_CONFIRM_CHARS)
    .optional()
    .describe('of the dry run of the same request: needed where dryRun is false'),
});
export type RestoreBody = z.infer<typeof RestoreBody>;

/** What a restore would do, as routes answer it. */
export const ApiRestorePlan = z
  .object({
    target: z.string(),
    datasets: z.array(z.object({ name: z.string(), records: Count, plainBytes: Count })),
    steps: z.array(z.string()),
    conflicts: z.array(z.string()).describe('in the way: refused, unless replace'),
    drops: z.array(z.string()).describe('what replace will drop'),
    losses: z.array(z.string()).describe('what goes with those and does not come back'),
    warnings: z.array(z.string()),
  })
  .meta({ id: 'RestorePlan' });
export type ApiRestorePlan = z.infer<typeof ApiRestorePlan>;

/** The answer to a plan, with the token that confirms it. */
export const RestorePlanAnswer = z.object({
  key: BackupKeyText,
  plan: ApiRestorePlan,
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
  bytesPerSecond: Count.nullable().describe('of the last seconds; null where nothing moves'),
  leftMs: Count.nullable().describe('an estimate for this phase'),
  shares: z
    .object({ done: Count, total: Count })
    .nullable()
    .describe('of a backup on AWS: shares that are stored; its bytes are known at the end'),
});
export type Progress = z.infer<typeof Progress>;

/** Options of a request that began a run, of a backup or a verification. */
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
      .describe('stopped: its process was stopped, or died and wrote no end'),
    isSuspect: z.boolean().describe('of a backup that succeeded: it is listed, and somebody must look at it'),
    startedAt: Time,
    finishedAt: Time.nullable(),
    by: z.string().nullable(),
    source: z.string().nullable(),
    type: z.string().nullable(),
    backup: BackupKeyText.nullable().describe('the one it is of, or made'),
    target: z.string().nullable(),
    progress: Progress.nullable(),
    error: ErrorText.nullable().describe('of a cancelled run: what is left to do'),
    plainBytes: Count.nullable().describe('of records, once it is over'),
    storedBytes: Count.nullable().describe('that a backup added, once it is over'),
    asked: RunAsked.nullable().describe('what it was asked for besides: with it the same can be begun again'),
    cancelledBy: z.string().nullable().describe('who asked for it to be cancelled; it may still be running'),
  })
  .meta({ id: 'Run' });
export type ApiRun = z.infer<typeof ApiRun>;

/** The query of `GET /runs`. */
export const RunsQuery = z.strictObject({ limit: pageLimit(RUNS_LIMIT.fallback, RUNS_LIMIT.most) });
export type RunsQuery = z.infer<typeof RunsQuery>;

/** The answer of `GET /runs`. */
export const RunsAnswer = z.object({ runs: z.array(ApiRun).describe('newest first') });
export type RunsAnswer = z.infer<typeof RunsAnswer>;

/** How the target of a restore stands that did not end well: by a look at it afterwards, where there was one. */
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
    options: SpecialOptions.nullable().describe('what only targets of its kind know'),
    state: z
      .enum(TARGET_STATES)
      .nullable()
      .describe('of the target, of a run that failed or was cancelled; null while it runs, and of others'),
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
  restore: RestoreRun.nullable().describe('of a restore, where this process knows it'),
});
export type RunAnswer = z.infer<typeof RunAnswer>;

/** The query of a download. */
export const DownloadQuery = z.strictObject({
  dataset: NameText.optional(),
  format: z
    .enum(EXPORT_FORMATS)
    .optional()
    .describe('default: the first that GET /status lists for the kind of source'),
  prepared: RunId.optional().describe('run of an earlier answer 202 that has succeeded'),
});
export type DownloadQuery = z.infer<typeof DownloadQuery>;

/** Where a prepared export can be had. */
export const DownloadLink = z
  .object({
    url: z.string().describe('good for 15 minutes at most; needs no other credentials'),
    expiresAt: Time,
    fileName: z.string(),
    bytes: Count,
  })
  .meta({ id: 'DownloadLink' });
export type DownloadLink = z.infer<typeof DownloadLink>;
