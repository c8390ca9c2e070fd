import * as z from 'zod';
import { KEY_ROLES } from '../core/api-names.ts';
import { HoldfastError } from '../core/errors.ts';
import { problems } from './manifest.ts';
import type { Report } from './report.ts';

const count = z.number().int().min(0).max(Number.MAX_SAFE_INTEGER);
const keyId = z.string().regex(/^[0-9a-f]{8}$/);
const decision = z.object({
  reason: z.string().min(1),
  /** Who asked for it by the admin API; missing of a command line. */
  by: z.string().optional(),
});

const BODIES = {
  /** Somebody wants the backups of the report kept, whatever retention says; `release` takes it back. */
  hold: decision,
  release: decision.extend({
    /** Keys of the holds that it ends, and no others; missing in releases of before. */
    ends: z.array(z.string()).optional(),
  }),
  /** Somebody says that suspect backups are as they should be. */
  accept: decision,
  /** Somebody says that objects without a signature, from before signatures were required, are Holdfast's. */
  adopt: decision.extend({ objects: z.array(z.object({ key: z.string(), sha256: z.string() })) }),
  /** Somebody looked at an object that cannot be relied on: it is in nobody's way any more. */
  quarantine: decision.extend({
    /** Its key. */
    object: z.string(),
    /** SHA-256 of its bytes, as they were then; `unreadable` where there were none to be had. */
    state: z.string().regex(/^([0-9a-f]{64}|unreadable)$/),
  }),
  verify: z.object({
    depth: z.object({
      kind: z.enum(['quick', 'full', 'subset', 'new']),
      part: count.optional(),
      of: count.optional(),
    }),
    /** The backups of the report where something was found. */
    damaged: z.array(z.string()),
    /** Ids of packs that are missing or not what was written. */
    damagedPacks: z.array(z.string()),
    findings: count,
  }),
  drill: z.object({
    outcome: z.enum(['equal', 'different', 'failed']),
    /** Of the restore alone: the recovery time that was reached. */
    restoreMs: count,
    records: count,
    compareMs: count.optional(),
    /** Of records that were restored. */
    plainBytes: count.optional(),
    /** Product and version of the server that was restored to. */
    server: z.string().optional(),
    /** Datasets that were compared, and those of them that differ. */
    datasets: count.optional(),
    differentDatasets: count.optional(),
    /** `names`: definitions could not be compared; `none`: there is no schema, or it was not come to. */
    schema: z.enum(['equal', 'different', 'names', 'none']).optional(),
    /** Why it failed: a code of docs/reference/errors.md. */
    error: z.string().optional(),
    /** The source, as the backup names it. */
    source: z.object({ kind: z.string(), name: z.string() }).optional(),
    /** SHA-256 of the manifest of the backup, as it was then, in hex. */
    manifestSha256: z.string().optional(),
    startedAt: z.iso.datetime().optional(),
    /** Who asked for it by the admin API or of a function; missing of a command line. */
    by: z.string().optional(),
  }),
  prune: z.object({
    /** Backups that were taken out: those of the report. */
    expired: count,
    /** Backups that were held while they were taken out, and are listed again. */
    putBack: count,
    /** Packs that were removed, and their bytes. */
    packs: count,
    bytes: count,
    graceMs: count,
    /** Bytes of all packs when it was over. Missing in reports of before. */
    stored: count.optional(),
    /** Why no pack was removed; missing where nothing was in the way. */
    blockedBy: z.string().optional(),
    /** What was about to be taken out when it was written, if anything. Missing in reports of before. */
    removed: z
      .array(
        z.object({
          source: z.object({ kind: z.string(), name: z.string() }),
          backups: z.array(z.object({ key: z.string(), sha256: z.string(), number: count.optional() })),
        }),
      )
      .optional(),
  }),
  /** Somebody asked for something by the admin API or of a function. Written when it begins, and again when it ends where that is later. */
  audit: z.object({
    /** `download`, `restore`, … */
    action: z.string().min(1),
    /** Who asked: a name of the login, or an ARN. */
    by: z.string(),
    outcome: z.enum(['begun', 'done', 'failed']),
    /** Where more is to be had of it. */
    run: z.string().optional(),
    /** Name of the source in the configuration, if it was named. */
    source: z.string().optional(),
    /** Name of the target in the configuration, of a restore. */
    target: z.string().optional(),
    /** Why it failed: a code of docs/reference/errors.md. */
    error: z.string().optional(),
  }),
  /** An API key of the admin API. */
  apikey: z.object({
    /** 8 hex digits, which end the key of the report too. */
    id: keyId,
    name: z.string().min(1).max(100),
    roles: z.array(z.enum(KEY_ROLES)).min(1),
    /** Names of the sources that it is for; missing: all. */
    sources: z.array(z.string().min(1)).min(1).optional(),
    /** SHA-256 of the key as its owner has it. */
    hash: z.string().regex(/^[0-9a-f]{64}$/),
    /** Missing: it does not expire. */
    expiresAt: z.iso.datetime().optional(),
    by: z.string().optional(),
  }),
  /** An API key is good for nothing any more. It counts by the key of the report, whatever is in it. */
  revoke: z.object({ id: keyId, by: z.string().optional() }),
  /** An API key was used on that day. */
  keyuse: z.object({ id: keyId }),
} as const;

/** A kind of report that has a sealed body. */
export type BodyKind = keyof typeof BODIES;
/** The body of a report of that kind. */
export type Body<K extends BodyKind> = Readonly<z.infer<(typeof BODIES)[K]>>;

/** Whether reports of that kind have a body that is checked. */
export function isBodyKind(kind: string): kind is BodyKind {
  return Object.hasOwn(BODIES, kind);
}

/** The body of a report of kind `K`. @throws E_DAMAGED where it is not one */
export function parseBody<K extends BodyKind>(kind: K, report: Report): Body<K> {
  const schema: z.ZodType = BODIES[kind];
  const parsed = schema.safeParse(report.body);
  if (parsed.success) return parsed.data as Body<K>;
  throw new HoldfastError('E_DAMAGED', `${report.key} is not of kind ${kind}: ${problems(parsed.error)}`);
}
