import * as z from 'zod';
import { HoldfastError } from '../core/errors.ts';
import { DOCUMENT_VERSION, NEWEST_FORMAT } from '../core/format-version.ts';
import type { JsonObject } from '../core/json.ts';
import { parseAuthenticated } from './authenticated-json.ts';

/** What manifests call themselves. */
export const MANIFEST_FORMAT = 'holdfast-backup';

const hex = (digits: number) => z.string().regex(new RegExp(`^[0-9a-f]{${digits}}$`));
const count = z.number().int().min(0).max(Number.MAX_SAFE_INTEGER);
const time = z.iso.datetime();

/** A key of one run and purpose, wrapped under a root key. */
export const RunKey = z.object({
  run: hex(32),
  purpose: z.enum(['data', 'index', 'manifest']),
  /** For a `data` key of version 2: part of the context that it was wrapped with. */
  source: z.string().min(1).optional(),
  rootKeyId: z.string(),
  wrapped: z.base64(),
});

export type RunKey = Readonly<z.infer<typeof RunKey>>;

/** docs/guide/operations.md, "Suspect backups", explains each. */
export const SUSPICIONS = [
  'empty-read',
  'dataset-vanished',
  'records-down',
  'ratio-collapsed',
  'schema-gone',
] as const;
/** A reason for a suspicion. */
export type SuspicionCode = (typeof SUSPICIONS)[number];

/**
 * What made a backup suspect when it was written. Without names of datasets, which are in the sealed catalog.
 */
const Suspicion = z.object({
  code: z.enum(SUSPICIONS),
  /** How many datasets it applies to; 0: the backup as a whole. */
  datasets: count,
  /**
   * What these datasets had before, and now: records; for `ratio-collapsed`, stored bytes per 1,000 records.
   */
  before: count,
  now: count,
});
/** One reason, with the figures behind it. */
export type Suspicion = Readonly<z.infer<typeof Suspicion>>;

/** A backup, by its name and the SHA-256 of its manifest's bytes. */
const ManifestRef = z.object({ key: z.string(), sha256: hex(64) });
/** A backup that another one refers to. */
export type ManifestRef = Readonly<z.infer<typeof ManifestRef>>;

const common = {
  format: z.literal(MANIFEST_FORMAT),
  software: z.string(),
  repository: hex(32),
  /** Its own name, so that no backup can be put in another's place. */
  key: z.string(),
  run: hex(32),
  type: z.string(),
  note: z.string().optional(),
  source: z.object({ kind: z.string(), name: z.string() }),
  startedAt: time,
  finishedAt: time,
  parent: z.string().nullable(),
  /**
   * How far backups have re-read what they took from their parents: where on the circle of packs the next one
   * continues, and how many chunks this one found wrong and stored again. Missing: nothing was read.
   */
  reread: z.object({ next: z.number().int().min(0).max(65_535), damaged: count }).optional(),
  /**
   * Its number among the backups of its source, from 1, and the backups that had the number before. Missing
   * in manifests of older releases.
   */
  sequence: z
    .object({ number: count.min(1), previous: z.array(ManifestRef).max(64).readonly() })
    .readonly()
    .optional(),
  /** For a backup made from a file: when, and the kind of file. `startedAt` is then the file's date. */
  imported: z.object({ at: time, format: z.string() }).optional(),
  /**
   * Of a base that changes can be applied to: all that it lacks is in the change segments of its source with higher
   * numbers than this, which was the newest before it was begun.
   */
  changes: z.object({ after: count }).readonly().optional(),
  /** Missing if nothing is suspect. */
  suspect: z.array(Suspicion).min(1).optional(),
  consistency: z.enum(['atomic', 'per-dataset', 'per-subtree']),
  /** First and last moment of reading, for a source without snapshots. */
  window: z.object({ from: time, to: time }).optional(),
};

/** Totals of the data, without the schema. `storedBytes`: of the packs that this run wrote. */
const totals = { datasets: count, records: count, plainBytes: count, storedBytes: count };
const pack = { id: hex(64), bytes: count, key: count };
const catalog = { id: hex(64), pack: hex(64), offset: count, storedBytes: count };

const Manifest1 = z.object({
  ...common,
  version: z.literal(1),
  totals: z.object({ ...totals, chunks: count, newChunks: count }),
  /** The run keys of all packs below, and this run's manifest key. */
  keys: z.array(RunKey),
  /**
   * Every pack that a restore reads. `usedBytes`: the part that this backup's items take; `key`: index into
   * `keys`.
   */
  packs: z.array(z.object({ ...pack, usedBytes: count })),
  catalog: z.object(catalog),
});

/** The root of a pack list, and totals over the whole list: pack-list.ts. */
const ListRef = z.object({ id: hex(64), bytes: count, packs: count, packBytes: count });
/** A list of packs that is stored outside of the manifest. */
export type ListRef = Readonly<z.infer<typeof ListRef>>;

const Manifest2 = z
  .object({
    ...common,
    version: z.literal(2),
    totals: z.object(totals),
    /**
     * With `packs`, all their run keys; with `list`, only those of the manifest and of the catalog's pack.
     */
    keys: z.array(RunKey),
    /** Root keys that wrap the keys in the list. Only with `list`. */
    rootKeys: z.array(z.string()).optional(),
    /** Every pack that a restore reads, if there are few; else they are in `list`. */
    packs: z.array(z.object(pack)).optional(),
    list: ListRef.optional(),
    /** `packBytes`: of the pack that holds it, so that it can be read without the list. */
    catalog: z.object({ ...catalog, packBytes: count }),
  })
  .refine(
    ({ packs, list, rootKeys }) =>
      (packs === undefined) !== (list === undefined) && (list === undefined) === (rootKeys === undefined),
    'it must have packs, or a list of packs and its root keys',
  );

const Manifest = z.discriminatedUnion('version', [Manifest1, Manifest2]);

/** The clear part of a backup: see docs/reference/format.md, "Manifest". */
export type Manifest = Readonly<z.infer<typeof Manifest1>> | Readonly<z.infer<typeof Manifest2>>;
/** A manifest of format 1. */
export type Manifest1 = Extract<Manifest, { version: 1 }>;
/** A manifest of format 2. */
export type Manifest2 = Extract<Manifest, { version: 2 }>;

/** @throws E_DAMAGED, E_NEWER_FORMAT */
export function parseManifest(bytes: Uint8Array, key: string): Manifest {
  const document = parseAuthenticated(bytes, key);
  refuseNewer(document, MANIFEST_FORMAT, key, NEWEST_FORMAT);
  const parsed = Manifest.safeParse(document);
  if (!parsed.success)
    throw new HoldfastError('E_DAMAGED', `${key} is not a manifest: ${problems(parsed.error)}`);
  if (parsed.data.key !== key) {
    throw new HoldfastError('E_DAMAGED', `${key} holds the manifest of ${parsed.data.key}`, {
      hint: 'Move the object back to its own path.',
    });
  }
  return parsed.data;
}

/**
 * @param newest version that this release reads
 * @throws E_NEWER_FORMAT, E_FOREIGN_REPOSITORY
 */
export function refuseNewer(
  document: JsonObject,
  format: string,
  what: string,
  newest: number = DOCUMENT_VERSION,
): void {
  const said = document['format'];
  if (said !== format) {
    const got = typeof said === 'string' ? `'${said.slice(0, 80)}'` : 'none';
    throw new HoldfastError('E_FOREIGN_REPOSITORY', `${what} is not of format ${format}, but of ${got}`, {
      hint: 'Check the place; if the object was changed, restore it from a copy or an older version of it.',
    });
  }
  const version = document['version'];
  if (typeof version === 'number' && version > newest) {
    throw new HoldfastError(
      'E_NEWER_FORMAT',
      `${what} is of format version ${version}; this release reads up to ${newest}`,
      {
        hint: 'Install the newest release.',
      },
    );
  }
}

/** What is wrong with a document, in one line. */
export function problems(error: z.ZodError): string {
  return error.issues.map((issue) => `${issue.path.join('.')}: ${issue.message}`).join('; ');
}

/** Bytes of all packs that a restore reads. */
export function neededBytesOf({ packs, ...manifest }: Manifest): number {
  return packs ? packs.reduce((sum, { bytes }) => sum + bytes, 0) : (listOf(manifest)?.packBytes ?? 0);
}

/** Root keys that wrap all run keys of a list of packs; none without a list. */
export function rootKeysOf(manifest: Manifest): readonly string[] {
  return manifest.version === 2 ? (manifest.rootKeys ?? []) : [];
}

/** How many packs a restore reads. */
export function packCountOf({ packs, ...manifest }: Manifest): number {
  return packs?.length ?? listOf(manifest)?.packs ?? 0;
}

/** Undefined if the manifest itself names all packs. */
export function listOf(manifest: Pick<Manifest, 'version'>): ListRef | undefined {
  return 'list' in manifest ? (manifest.list as ListRef | undefined) : undefined;
}
