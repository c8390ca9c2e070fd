import * as z from 'zod';
import { HoldfastError } from '../core/errors.ts';
import type { JsonObject } from '../core/json.ts';
import { ItemEntry, Join, Root, Suspect } from './catalog.ts';
import { problems, RunKey } from './manifest.ts';

const hex = (digits: number) => z.string().regex(new RegExp(`^[0-9a-f]{${digits}}$`));
const count = z.number().int().min(0).max(Number.MAX_SAFE_INTEGER);
const time = z.iso.datetime();
const kind = z.enum(['schema', 'data']);
const attributes = z.record(z.string(), z.json());
const consistency = z.enum(['atomic', 'per-dataset', 'per-subtree']);

/** What a source's snapshot says about itself, for the catalog and the manifest. */
const ViewBody = z.object({
  server: z.string(),
  position: z.string(),
  omitted: z.array(z.string()),
  /** Of a base, with the number of the newest change segment before it was begun. */
  base: z.object({ join: Join, after: count }).optional(),
  consistency,
  /** First and last moment of reading, for a source without snapshots. */
  window: z.object({ from: time, to: time }).optional(),
  /** The cost of reading, for a source that bills by the byte. */
  cost: attributes.optional(),
  datasets: z.array(
    z.object({
      name: z.string(),
      kind,
      attributes,
      partitions: z.array(
        z.object({ name: z.string(), estimatedBytes: z.number(), sameAsParent: z.boolean().optional() }),
      ),
    }),
  ),
});

/** What the new backup is judged against. */
const AncestorBody = z.object({
  key: z.string(),
  startedAt: time,
  records: count,
  suspect: Suspect.optional(),
  datasets: z.array(
    z.object({
      name: z.string(),
      kind,
      records: count,
      plainBytes: count,
      chunks: count,
      wholeBytes: count.optional(),
    }),
  ),
});

const PlanBody = z.object({
  /** The format of the backup. Missing: 1. */
  version: z.literal(2).optional(),
  type: z.string(),
  note: z.string().optional(),
  source: z.object({ kind: z.string(), name: z.string() }),
  software: z.string(),
  startedAt: time,
  /** Time from before the parent lookup until this was written. */
  elapsedMs: count,
  parent: AncestorBody.optional(),
  /** Missing if it is the parent, or if there is none. */
  good: AncestorBody.optional(),
  isParentGood: z.boolean(),
  /** Packs that nothing new may refer to. */
  spoiltPacks: z.array(hex(64)),
  allowEmpty: z.boolean(),
  fullRead: z.boolean(),
  /** Nothing is compared with the parent, and nothing refers to it. */
  noParent: z.boolean().optional(),
  /** What each share re-reads of the data that it takes from the parent. */
  reread: z.object({ from: count, length: count }).optional(),
  /** The snapshot that all shares read; missing if the only share opens the source itself. */
  shared: z.object({ view: ViewBody, handle: attributes }).optional(),
  shares: z
    .array(
      z.object({
        estimatedBytes: count,
        /**
         * Indexes into the snapshot's datasets and their partitions; empty without a shared snapshot: all.
         */
        parts: z.array(z.tuple([count, count])),
      }),
    )
    .min(1),
});

const ShareBody = z.object({
  share: count,
  records: count,
  partitions: z.array(
    z.object({
      dataset: z.string(),
      partition: z.string(),
      root: Root.nullable(),
      bounds: ItemEntry.optional(),
      wholeBytes: count,
      keptBytes: count,
      newChunks: count,
    }),
  ),
  /** All packs that the trees above use, and `usedBytes` of each. `key`: index into `keys`. */
  packs: z.array(z.object({ id: hex(64), bytes: count, usedBytes: count, key: count })),
  keys: z.array(RunKey),
  /** Packs that were stored, in that order, used or not. */
  own: z.array(z.object({ id: hex(64), bytes: count, key: count })),
  /** Names of the backups that the other packs belong to. */
  backups: z.array(z.string()),
  /** Chunks of the parent that were found wrong. */
  parentDamage: count.optional(),
  /** For a share that opened the source itself. */
  view: ViewBody.optional(),
});

const ReleasedBody = z.object({ by: z.enum(['commit', 'abort']), reason: z.string().optional() });

const HeldBody = z.object({
  stood: z.boolean(),
  /** Where all shares began, of a snapshot that they began together. */
  position: z.string().optional(),
  /** Why they could not: the first share reads all, the others nothing. */
  apart: z.string().optional(),
  /** Why it failed. */
  error: z.object({ code: z.string(), message: z.string(), hint: z.string().optional() }).optional(),
});

/** Why a share was given up. */
const FailureBody = z.object({ share: count, code: z.string(), message: z.string() });

/** Somebody wants the run stopped. */
const CancelBody = z.object({ by: z.string() });

const ClaimBody = z.object({ run: hex(32) });

const BODIES = {
  plan: PlanBody,
  share: ShareBody,
  released: ReleasedBody,
  held: HeldBody,
  failure: FailureBody,
  claim: ClaimBody,
  cancel: CancelBody,
} as const;

/** A kind of document that functions of one backup leave each other. */
export type RunBodyKind = keyof typeof BODIES;
/** The body of a document of that kind. */
export type RunBody<K extends RunBodyKind> = Readonly<z.infer<(typeof BODIES)[K]>>;

/** @param key path of the object it was sealed in. @throws E_DAMAGED */
export function parseRunBody<K extends RunBodyKind>(of: K, body: JsonObject, key: string): RunBody<K> {
  const schema: z.ZodType = BODIES[of];
  const parsed = schema.safeParse(body);
  if (parsed.success) return parsed.data as RunBody<K>;
  throw new HoldfastError(
    'E_DAMAGED',
    `the sealed part of ${key} is not a valid ${of}: ${problems(parsed.error)}`,
    {
      hint: 'Start a new run, with one release of Holdfast for all of its parts.',
    },
  );
}
