import * as z from 'zod';
import { KEY_ROLES } from '../core/api-names.ts';
import { HoldfastError } from '../core/errors.ts';
import { problems } from './manifest.ts';
import type { Report } from './report.ts';

const count = z.number().int().min(0).max(Number.MAX_SAFE_INTEGER);
const keyId = z.string().regex(/^[0-9a-f]{8}$/);
const decision = z.object({
  reason: z.string().min(1),
  /** Who asked for it through the admin API; missing for a command line. */
  by: z.string().optional(),
});

const named = z.object({ kind: z.string(), name: z.string() });
const drilled = z.enum(['equal', 'different', 'failed']);
/** What was found of stored changes. */
const ofChanges = {
  segments: count,
  /** In them: those that the backup before lacks. */
  transactions: count,
  /** Datasets that were compared, those of them that differ, and those that could not be compared. */
  datasets: count,
  differentDatasets: count,
  notCompared: count,
};

const BODIES = {
  /** Somebody wants these backups kept, whatever retention says; `release` takes it back. */
  hold: decision,
  release: decision.extend({
    /** The holds that it ends, and no others; missing in older releases. */
    ends: z.array(z.string()).optional(),
  }),
  /** Somebody confirms that suspect backups are as they should be. */
  accept: decision,
  /**
   * Somebody confirms that objects without a signature, from before signatures were required, are Holdfast's.
   */
  adopt: decision.extend({ objects: z.array(z.object({ key: z.string(), sha256: z.string() })) }),
  /** Somebody looked at an object that cannot be trusted: it no longer blocks anything. */
  quarantine: decision.extend({
    /** Its key. */
    object: z.string(),
    /** SHA-256 of its bytes at that time; `unreadable` if it could not be read. */
    state: z.string().regex(/^([0-9a-f]{64}|unreadable)$/),
  }),
  verify: z.object({
    depth: z.object({
      kind: z.enum(['quick', 'full', 'subset', 'new']),
      part: count.optional(),
      of: count.optional(),
    }),
    /** The report's backups in which something was found. */
    damaged: z.array(z.string()),
    /** Ids of packs that are missing or damaged. */
    damagedPacks: z.array(z.string()),
    findings: count,
  }),
  drill: z.object({
    outcome: drilled,
    /** Time of the restore alone: the recovery time that was achieved. */
    restoreMs: count,
    records: count,
    compareMs: count.optional(),
    /** Bytes of records that were restored. */
    plainBytes: count.optional(),
    /** Product and version of the server that was restored to. */
    server: z.string().optional(),
    /** Datasets that were compared, and those of them that differ. */
    datasets: count.optional(),
    differentDatasets: count.optional(),
    /**
     * `names`: definitions could not be compared; `none`: there is no schema, or the drill did not get that
     * far.
     */
    schema: z.enum(['equal', 'different', 'names', 'none']).optional(),
    /** The moment after the backup that it restored too, from stored changes. */
    moment: z
      .object({
        at: z.string(),
        outcome: z.enum(['equal', 'different', 'not compared']),
        rows: count,
        /** Bytes of the changes that were applied; missing in older reports. */
        plainBytes: count.optional(),
        replayMs: count,
        ...ofChanges,
      })
      .optional(),
    /** Why it failed: a code of docs/reference/errors.md. */
    error: z.string().optional(),
    /** The source, as the backup names it. */
    source: named.optional(),
    /** SHA-256 of the backup's manifest at that time, in hex. */
    manifestSha256: z.string().optional(),
    startedAt: z.iso.datetime().optional(),
    /** Who asked for it through the admin API or a function; missing for a command line. */
    by: z.string().optional(),
  }),
  /**
   * Whether the report's backup is the one before it and the changes stored between the two. Its backups: that one, and the one
   * before if it is known.
   */
  proof: z
    .object({
      ...ofChanges,
      /** Rows in which they differ. */
      differing: count,
      /** Why it failed: a code of docs/reference/errors.md. */
      error: z.string(),
      source: named,
      /** SHA-256 of the backups' manifests at that time, in hex. */
      manifestSha256: z.string(),
      beforeManifestSha256: z.string(),
      startedAt: z.iso.datetime(),
      proofMs: count,
      /** Who asked for it through the admin API or a function; missing for a command line. */
      by: z.string(),
    })
    .partial()
    .extend({ outcome: drilled }),
  /** A masked copy was made of the report's backup. */
  mask: z.object({
    /** Columns whose values were changed, and those that stayed as they are. */
    masked: count,
    kept: count,
    records: count,
    /** SHA-256 of the rules, in hex. */
    rulesSha256: z.string().regex(/^[0-9a-f]{64}$/),
    /** What stands for the secret: the same if it was the same. */
    secret: z.string().regex(/^[0-9a-f]{16}$/),
    /** The copy was read back, and is what was meant to be written. */
    isCompared: z.boolean(),
    startedAt: z.iso.datetime(),
  }),
  prune: z.object({
    /** Number of the report's backups that were unlisted. */
    expired: count,
    /** Number of backups that were held while they were being unlisted, and are listed again. */
    putBack: count,
    /** Packs that were removed, and their bytes. */
    packs: count,
    bytes: count,
    graceMs: count,
    /** Bytes of all packs at the end. Missing in older reports. */
    stored: count.optional(),
    /** Why no pack was removed; missing if nothing prevented it. */
    blockedBy: z.string().optional(),
    /** What the run was about to unlist when it wrote the report, if anything. Missing in older reports. */
    removed: z
      .array(
        z.object({
          source: named,
          backups: z.array(z.object({ key: z.string(), sha256: z.string(), number: count.optional() })),
        }),
      )
      .optional(),
  }),
  /**
   * Somebody asked for something through the admin API or a function. Written at the beginning, and again at
   * the end if that is later.
   */
  audit: z.object({
    /** `download`, `restore`, … */
    action: z.string().min(1),
    /** Who asked: a login's name, or an ARN. */
    by: z.string(),
    outcome: z.enum(['begun', 'done', 'failed']),
    /** Where to find out more about it. */
    run: z.string().optional(),
    /** Name of the source in the configuration, if one was named. */
    source: z.string().optional(),
    /** Name of the restore's target in the configuration. */
    target: z.string().optional(),
    /** Why it failed: a code of docs/reference/errors.md. */
    error: z.string().optional(),
    /** How a restore of rows that failed left its target: `untouched`, `unknown`, and others of docs/reference/api.md. */
    state: z.string().optional(),
  }),
  /** An API key of the admin API. */
  apikey: z.object({
    /** 8 hex digits; the report's path ends with them too. */
    id: keyId,
    name: z.string().min(1).max(100),
    roles: z.array(z.enum(KEY_ROLES)).min(1),
    /** Names of the sources that it covers; missing: all. */
    sources: z.array(z.string().min(1)).min(1).optional(),
    /** SHA-256 of the key as its owner has it. */
    hash: z.string().regex(/^[0-9a-f]{64}$/),
    /** Missing: it does not expire. */
    expiresAt: z.iso.datetime().optional(),
    by: z.string().optional(),
  }),
  /** An API key is no longer valid. The report's path alone decides, whatever its content. */
  revoke: z.object({ id: keyId, by: z.string().optional() }),
  /** An API key was used on that day. */
  keyuse: z.object({ id: keyId }),
} as const;

/** A kind of report that has a sealed body. */
export type BodyKind = keyof typeof BODIES;
/** The body of a report of that kind. */
export type Body<K extends BodyKind> = Readonly<z.infer<(typeof BODIES)[K]>>;

/** Whether reports of that kind have a schema for their body. */
export function isBodyKind(kind: string): kind is BodyKind {
  return Object.hasOwn(BODIES, kind);
}

/** The body of a report of kind `K`. @throws E_DAMAGED if it is not valid */
export function parseBody<K extends BodyKind>(kind: K, report: Report): Body<K> {
  const schema: z.ZodType = BODIES[kind];
  const parsed = schema.safeParse(report.body);
  if (parsed.success) return parsed.data as Body<K>;
  throw new HoldfastError('E_DAMAGED', `${report.key} is not of kind ${kind}: ${problems(parsed.error)}`);
}
