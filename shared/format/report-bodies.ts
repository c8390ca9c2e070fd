import * as z from 'zod';
import { HoldfastError } from '../core/errors.ts';
import { problems } from './manifest.ts';
import type { Report } from './report.ts';

const count = z.number().int().min(0).max(Number.MAX_SAFE_INTEGER);
const decision = z.object({ reason: z.string().min(1) });

const BODIES = {
  /** Somebody wants the backups of the report kept, whatever retention says; `release` takes it back. */
  hold: decision,
  release: decision,
  /** Somebody says that suspect backups are as they should be. */
  accept: decision,
  verify: z.object({
    depth: z.object({
      kind: z.enum(['quick', 'full', 'subset']),
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
  }),
} as const;

export type BodyKind = keyof typeof BODIES;
export type Body<K extends BodyKind> = Readonly<z.infer<(typeof BODIES)[K]>>;

/** The body of a report of kind `K`. @throws E_DAMAGED where it is not one */
export function parseBody<K extends BodyKind>(kind: K, report: Report): Body<K> {
  const schema: z.ZodType = BODIES[kind];
  const parsed = schema.safeParse(report.body);
  if (parsed.success) return parsed.data as Body<K>;
  throw new HoldfastError('E_DAMAGED', `${report.key} is not of kind ${kind}: ${problems(parsed.error)}`);
}
