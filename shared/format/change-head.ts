import * as z from 'zod';

const hex = (digits: number) => z.string().regex(new RegExp(`^[0-9a-f]{${digits}}$`));
const count = z.number().int().min(0).max(Number.MAX_SAFE_INTEGER);
const moment = z.string().regex(/^\d{4}-\d\d-\d\dT\d\d:\d\d:\d\d\.\d{6}Z$/, 'not a moment with microseconds');
const position = z.string().min(1).max(1000);

/** A key of change segments, wrapped under a root key. */
export const ChangeRunKey = z.object({
  run: hex(32),
  purpose: z.enum(['changes', 'data']),
  /** Of the `data` key: part of the context that it was wrapped with. */
  source: z.string().min(1).optional(),
  rootKeyId: z.string(),
  wrapped: z.base64(),
});
export type ChangeRunKey = Readonly<z.infer<typeof ChangeRunKey>>;

/** What is known of a stretch of changes: `ChangeFacts` of shared/sources/changes.ts. */
const Facts = z.object({
  transactions: count,
  firstCommit: moment.optional(),
  lastCommit: moment.optional(),
  readAt: moment,
  datasets: z.array(z.string()).readonly(),
  schema: z.string(),
  carriesDefinitions: z.boolean(),
  definitions: z
    .object({ by: z.string(), statements: count, problem: z.string().optional() })
    .readonly()
    .optional(),
  sequences: z.record(z.string(), z.string()),
  warnings: z.array(z.string()).readonly(),
});
/** What is known of the changes of one segment. */
export type SegmentFacts = Readonly<z.infer<typeof Facts>>;

/** A pack of changes. `id`: the SHA-256 of its bytes. */
const Pack = z.object({ id: hex(64), bytes: count });
/** A pack of changes, as its segment names it. */
export type ChangePack = Readonly<z.infer<typeof Pack>>;

/** The sealed part of a change segment. */
export const SegmentHead = z.object({
  /** Counts the segments of a source from 1. */
  number: count.min(1),
  software: z.string(),
  /** The segment before it; null for number 1. */
  previous: z.object({ number: count.min(1), id: hex(64) }).nullable(),
  /** What it has: transactions that ended from `from` on and before `to`. */
  from: position,
  to: position,
  /** Missing if `from` is the `to` of the segment before. `after`: the end of that one; changes behind it are lost. */
  begins: z
    .object({ why: z.enum(['first', 'gap']), after: position.nullable(), says: z.string() })
    .optional(),
  /** Number of the last segment, this one included, that does not follow the one before it, */
  unbrokenFrom: count.min(1),
  /** and of the last one whose datasets or definitions differ from those of the one before it, which no replay gets past. */
  sameFrom: count.min(1),
  facts: Facts,
  plainBytes: count,
  /** In order. One alone may lie behind the head, in the same object. */
  packs: z.array(Pack).readonly(),
});
export type SegmentHead = Readonly<z.infer<typeof SegmentHead>>;
