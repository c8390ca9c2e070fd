import * as z from 'zod';
import { LOCK_MODES } from '../../config/lock.ts';
import { AUDIT_ACTIONS, AUDIT_FORMATS, AUDIT_OUTCOMES, EXPORT_FORMATS, ROLES } from '../../core/api-names.ts';
import { RecoveryPoint } from './changes.ts';
import {
  BackupKeyText,
  Count,
  Cursor,
  ErrorText,
  MarkOf,
  Moment,
  NameText,
  pageLimit,
  SourceName,
  Time,
} from './values.ts';

const AUDIT_LIMIT = { fallback: 100, most: 500 };

/** An error, as problem details (RFC 9457): `application/problem+json`. */
export const ApiProblem = z
  .object({
    type: z.string().describe('urn:holdfast:error:CODE'),
    title: z.string().describe('what the code means'),
    status: z.int(),
    detail: z.string(),
    code: z.string().describe('a code in docs/reference/errors.md'),
    hint: z.string().nullable(),
    fields: z
      .array(z.object({ field: z.string(), problem: z.string() }))
      .optional()
      .describe('every bad one'),
  })
  .meta({ id: 'Problem' });
export type ApiProblem = z.infer<typeof ApiProblem>;

/** Whether one would get one's data back; from best to worst. */
const LevelText = z.enum(['protected', 'unknown', 'at-risk', 'unprotected']);

/** The answer of `GET /health`: 200 or 503. */
export const HealthAnswer = z.object({
  status: z.enum(['ok', 'failing']),
  problems: z.array(ErrorText).optional().describe('why; for viewers'),
  verdict: z
    .object({ level: LevelText, sentence: z.string() })
    .optional()
    .describe('for viewers; missing if backups cannot run'),
  version: z.string().optional().describe('for viewers'),
});
export type HealthAnswer = z.infer<typeof HealthAnswer>;

const Named = z.object({ key: BackupKeyText, name: z.string(), type: z.string(), startedAt: Time });

const StepAction = z.discriminatedUnion('kind', [
  z.object({
    kind: z.literal('backup'),
    source: z.string(),
    type: z.string().optional().describe('of the run that failed, like the others'),
    note: z.string().optional(),
    noParent: z.boolean().optional(),
  }),
  z.object({ kind: z.literal('verify'), backup: BackupKeyText }),
  z.object({ kind: z.literal('drill'), source: z.string(), backup: BackupKeyText }),
  z.object({ kind: z.literal('accept'), backups: z.array(BackupKeyText) }),
  z.object({ kind: z.literal('lock') }),
  z.object({ kind: z.literal('copy'), place: z.string() }),
]);

const VerdictText = z.object({
  level: LevelText,
  sentence: z.string().describe('the level, and the reasons for it'),
  at: Time.describe('when it was checked'),
  lookedAt: z.array(z.string()),
  notLookedAt: z.array(z.string()).describe('what could not be checked, or not be trusted'),
  findings: z
    .array(
      z.object({
        rule: z.string().describe('of docs/guide/operations.md, "Am I safe?"'),
        level: LevelText,
        source: z.string().nullable(),
        text: z.string(),
      }),
    )
    .describe('the worst first'),
  steps: z
    .array(
      z.object({
        text: z.string(),
        action: StepAction.nullable().describe('what can be started at once'),
        command: z.string().describe('the command that does it, or starts it'),
      }),
    )
    .describe('what to do, the most urgent first'),
});

const SourceStatus = z.object({
  source: SourceName,
  isConfigured: z.boolean().describe('false: it only has backups'),
  level: LevelText,
  expected: z
    .object({ seconds: Count, basis: z.enum(['rpo', 'alarms', 'schedule', 'rhythm', 'assumed']) })
    .describe('how old its newest good backup may be, and what says so'),
  lastRun: z
    .object({
      outcome: z.enum(['succeeded', 'suspect', 'failed', 'given-up']),
      at: Time,
      code: z.string().nullable(),
    })
    .nullable()
    .describe('its last backup that has ended, according to the history of runs'),
  backups: Count,
  newest: Named.nullable(),
  newestGood: Named.nullable(),
  waiting: z.array(BackupKeyText).describe('suspect, and nobody has accepted them'),
  failed: z.array(BackupKeyText).describe('a verification found damage'),
  misdated: z.array(BackupKeyText).describe('dated long after they were stored: they do not count'),
  held: z.array(BackupKeyText),
  lastVerify: MarkOf.verify.nullable(),
  lastFullVerify: MarkOf.fullVerify.nullable(),
  lastDrill: MarkOf.drill.nullable(),
  continuous: RecoveryPoint.nullable().describe(
    'null: its changes are not backed up, or it is not configured',
  ),
});

/** How the newest good backup of a source is locked in the bucket. */
const SourceLock = z.object({
  source: z.string(),
  backup: BackupKeyText,
  until: Time.nullable().describe('null: something that it needs has no lock, or it is not known'),
  mode: z.enum(LOCK_MODES).describe('governance: somebody with a special permission may lift a lock'),
  objects: Count.describe('that a restore of it reads'),
  asked: Count.describe(
    'whose lock was checked: if there are many packs a random sample, chosen anew each time',
  ),
  problem: z.string().nullable().describe('why it is not known'),
});

/** How far a second place is behind. */
const CopyState = z.object({
  name: z.string(),
  to: z.string(),
  wanted: Count.describe('backups that should be there'),
  missing: Count.describe('those that are not listed there'),
  oldestMissing: z.object({ key: BackupKeyText, name: z.string(), startedAt: Time }).nullable(),
  missingSegments: Count.describe('change segments that are not there'),
  oldestSegmentAt: Time.nullable().describe('when the oldest of these was stored'),
  problem: z.string().nullable().describe('why it is not known'),
});

const Place = z.object({ name: z.string(), kind: z.string() });

const KindText = z.object({
  kind: z.string(),
  name: z.string().describe('in its maker’s spelling'),
  exports: z
    .array(z.object({ format: z.enum(EXPORT_FORMATS), label: z.string(), needsDataset: z.boolean() }))
    .describe('forms of a download; the first is the default'),
  takesEveryKind: z.boolean().describe('its targets take backups of every kind'),
  restoreOptions: z
    .array(
      z.object({
        name: z.string(),
        label: z.string(),
        help: z.string(),
        type: z.enum(['switch', 'number', 'text']),
      }),
    )
    .describe('what `options` of a restore may have for its targets'),
});

/** The answer of `GET /status`. */
export const StatusAnswer = z.object({
  now: Time,
  verdict: VerdictText,
  repository: z.object({ location: z.string(), id: z.string(), formatVersion: z.int() }),
  mode: z.enum(['local', 'aws']),
  version: z.string(),
  backups: Count,
  damaged: Count,
  sources: z.array(SourceStatus),
  problems: z.array(z.string()).describe('of reports that do not count'),
  locked: z.array(SourceLock).nullable().describe('null: no locks are configured'),
  copies: z.array(CopyState).describe('of second places'),
  schedules: z.array(
    z.object({
      source: z.string(),
      type: z.string(),
      cron: z.string().describe('as configured: five fields, or a rate'),
      nextAt: Time.nullable(),
    }),
  ),
  configured: z
    .object({
      newDatabases: z
        .array(z.string())
        .describe('kinds of source for which a restore can make a database without naming a target'),
      sources: z.array(Place),
      targets: z.array(Place),
      types: z.array(z.string()),
      kinds: z.array(KindText).describe('every kind of database that this release knows'),
    })
    .describe('what create and restore may name'),
  caller: z.object({
    name: z.string(),
    roles: z.array(z.enum(ROLES)),
    sources: z.array(z.string()).optional().describe('the only sources that it sees; missing: all'),
  }),
});
export type StatusAnswer = z.infer<typeof StatusAnswer>;

const Figures = {
  backups: Count,
  logicalBytes: Count.describe('if every backup were a copy'),
  newBytes: Count.describe('that the runs of listed backups stored'),
};

/** The answer of `GET /storage`. */
export const StorageAnswer = z.object({
  now: Time,
  ...Figures,
  storedBytes: Count.describe('of all existing packs'),
  packs: Count,
  unreferencedBytes: Count.nullable().describe(
    'of packs that no listed backup needs; null: not known, a dry run of prune tells',
  ),
  ratio: z.number().nullable().describe('logicalBytes to storedBytes'),
  sources: z
    .array(
      z.object({
        source: SourceName,
        ...Figures,
        basis: z
          .enum(['schedule', 'rhythm', 'none'])
          .describe('what says when backups are due: schedules, or the usual rhythm'),
        since: z.iso
          .date()
          .nullable()
          .describe('the first day for which it is known whether a backup was due'),
      }),
    )
    .describe('configured ones, and those that have backups'),
  sizes: z
    .array(z.object({ date: z.iso.date(), bytes: Count }))
    .describe('what all packs took at the end of a day, oldest first; days without a figure are left out'),
  forecast: z
    .object({
      from: z.iso.date(),
      to: z.iso.date(),
      days: Count.describe('that it goes by'),
      bytes: Count.describe('stored at `to`'),
      bytesPerDay: z.int().describe('the median growth of these days; negative: it shrinks'),
      leastPerDay: z.int().describe('the lower quartile'),
      mostPerDay: z.int().describe('the upper quartile'),
      horizonDays: Count.describe('nothing further ahead is forecast'),
    })
    .nullable()
    .describe('how it grows at the rate of the last 92 days'),
  whyNoForecast: z.string().nullable(),
  price: z
    .object({ perGibMonth: z.number(), currency: z.string(), of: z.string() })
    .nullable()
    .describe('of storage only; null: none is configured, and it is not in S3'),
  days: z
    .array(
      z.object({
        date: z.iso.date(),
        source: SourceName,
        backups: Count,
        plainBytes: Count.describe('of that day alone, like the others'),
        newBytes: Count,
        suspect: Count.describe('backups that are suspect, and that nobody has accepted'),
        bad: Count.describe('backups that were found damaged, or are misdated'),
        failed: Count.describe('backups that failed, of the newest 200 runs'),
        due: Count.describe('that should have been made'),
        missed: Count.describe('how many of these were not made, as far as is known'),
        removed: Count.describe('that were made, but removed by retention'),
      }),
    )
    .describe('oldest first; days without backups, on which none was due, are left out'),
});
export type StorageAnswer = z.infer<typeof StorageAnswer>;

/** Filters of the audit trail. */
const AuditFilter = {
  from: Moment.optional(),
  to: Moment.optional().describe('before then; for a date: on that day or before'),
  action: z.enum(AUDIT_ACTIONS).optional(),
  outcome: z.enum(AUDIT_OUTCOMES).optional(),
  source: NameText.optional().describe('a source, by its full name; 404 if there is none'),
  by: NameText.optional().describe('part of the name of who did it'),
};
/** The query of `GET /audit/export`. */
export const AuditExportQuery = z.strictObject({
  ...AuditFilter,
  format: z.enum(AUDIT_FORMATS).default('csv'),
});
export type AuditExportQuery = z.infer<typeof AuditExportQuery>;

/** The query of `GET /audit`. */
export const AuditQuery = z.strictObject({
  ...AuditFilter,
  limit: pageLimit(AUDIT_LIMIT.fallback, AUDIT_LIMIT.most),
  cursor: Cursor.optional(),
});
export type AuditQuery = z.infer<typeof AuditQuery>;

const AuditEntry = z
  .object({
    at: Time,
    action: z.enum(AUDIT_ACTIONS),
    by: z.string().nullable().describe('null: a command line or a schedule did it'),
    outcome: z.enum(AUDIT_OUTCOMES).nullable(),
    run: z.string().nullable(),
    sources: z
      .array(z.string())
      .describe('of its backups; for backups that are gone, only if the entry says it'),
    backups: z.array(BackupKeyText),
    about: z.string().nullable().describe('reason, target, or other details'),
    report: z.string(),
  })
  .meta({ id: 'AuditEntry' });
/** One thing that somebody did, or tried to do. */
export type AuditEntry = z.infer<typeof AuditEntry>;

/** The answer of `GET /audit`: a page of entries. */
export const AuditAnswer = z.object({
  entries: z.array(AuditEntry).describe('newest first; with filters, a page may hold fewer than there are'),
  nextCursor: z.string().nullable().describe('null: there are no more'),
});
export type AuditAnswer = z.infer<typeof AuditAnswer>;

/**
 * `GET /config.json` beside the console: how it signs in. Not below the API's base, open, without secrets.
 */
export const ConsoleConfig = z.object({
  apiBase: z.string(),
  auth: z.discriminatedUnion('kind', [
    z.object({ kind: z.literal('token') }).describe('holdfast serve: POST /session'),
    z.object({
      kind: z.literal('oidc'),
      issuer: z.url(),
      clientId: z.string(),
      scope: z.string(),
      audience: z.string().nullable(),
    }),
  ]),
});
export type ConsoleConfig = z.infer<typeof ConsoleConfig>;

/**
 * `POST /session` of `holdfast serve`, beside the console: the token in the printed URL (`#token=…`), once.
 */
export const SessionBody = z.strictObject({ token: z.string().min(1).max(200) });
/** What signing in answers: a token, and when it ends. */
export const SessionAnswer = z.object({ token: z.string().describe('Bearer'), expiresAt: Time });
export type SessionAnswer = z.infer<typeof SessionAnswer>;
