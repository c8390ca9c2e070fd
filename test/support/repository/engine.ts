import { createHash } from 'node:crypto';
import { DEFAULT_FORMAT, type FormatVersion } from '../../../shared/core/format-version.ts';
import type { BackupKey } from '../../../shared/core/ids.ts';
import { KiB } from '../../../shared/core/units.ts';
import { type BackupOptions, type BackupResult, runBackup } from '../../../shared/jobs/backup/backup.ts';
import { HexKeyProvider } from '../../../shared/keys/hex-key-provider.ts';
import { WorkerPool } from '../../../shared/repository/codec/worker-pool.ts';
import { Repository, type RepositoryOptions } from '../../../shared/repository/repository.ts';
import type { Source } from '../../../shared/sources/source.ts';
import type { ObjectStore } from '../../../shared/store/object-store.ts';

export const TEST_KEY = 'ab'.repeat(32);
export const OTHER_KEY = 'cd'.repeat(32);

/** Small chunks, so that small data makes many of them. */
export const SMALL_CHUNKS = { minBytes: 1 * KiB, averageBytes: 4 * KiB, maxBytes: 16 * KiB };

export const never = new AbortController().signal;

/** Of repositories of tests that do not ask for a format. `lists`: of format 2, with no packs in manifests. */
const ASKED = process.env['HOLDFAST_TEST_FORMAT'];
export const ofLists = ASKED === 'lists';
export const TEST_FORMAT: FormatVersion = ASKED === undefined ? DEFAULT_FORMAT : ASKED === '1' ? 1 : 2;

export async function initRepository(
  store: ObjectStore,
  chunker = SMALL_CHUNKS,
  { version = TEST_FORMAT }: { readonly version?: FormatVersion } = {},
): Promise<void> {
  await Repository.init({ store, keys: new HexKeyProvider(TEST_KEY), chunker, version, signal: never });
}

/** Threads that all repositories of a test file share: starting some for each would take most of its time. */
const POOLS: Readonly<Record<number, WorkerPool>> = { 1: new WorkerPool(1), 2: new WorkerPool(2) };

export function openRepository(
  store: ObjectStore,
  options: Partial<RepositoryOptions> = {},
): Promise<Repository> {
  const keys = 'keys' in options ? options.keys : new HexKeyProvider(TEST_KEY);
  const { workers = 2 } = options;
  return Repository.open({
    store,
    workers,
    pool: POOLS[workers],
    packBytes: 256 * KiB,
    manifestBytes: ofLists ? 0 : undefined,
    // Which packs a backup reads again depends on their names, which are random: tests that want it say so.
    rereadWithin: 0,
    signal: never,
    ...options,
    keys,
  });
}

/** Small packs, and one thread that all repositories of a test file share: their store calls come in one order. */
export function openCheaply(
  store: ObjectStore,
  options: Partial<RepositoryOptions> = {},
): Promise<Repository> {
  return openRepository(store, { workers: 1, packBytes: 64 * KiB, ...options });
}

/** Datasets by name, each of lines. `hooks.read` runs before each block of 10,000 bytes. */
export type Data = Readonly<Record<string, string | Buffer>>;

export function memorySource(
  data: Data,
  hooks: { readonly read?: () => void | Promise<void>; readonly name?: string } = {},
): Source {
  return {
    kind: 'files',
    name: hooks.name ?? 'memory',
    capabilities: { consistency: 'atomic', maxReaders: 3 },
    open: async () => ({
      position: 'p1',
      server: 'memory 1',
      omitted: [],
      datasets: Object.keys(data).map((name) => ({
        name,
        kind: name === 'pre-data' ? 'schema' : 'data',
        attributes: { of: name },
        partitions: [{ name: '0000', estimatedBytes: data[name]?.length ?? 0 }],
      })),
      read: async function* ({ name }) {
        const bytes = Buffer.from(data[name] ?? '');
        for (let at = 0; at < bytes.length; at += 10_000) {
          await hooks.read?.();
          yield bytes.subarray(at, at + 10_000);
        }
      },
      check: async () => {},
      [Symbol.asyncDispose]: async () => {},
    }),
  };
}

export function backUp(
  repository: Repository,
  data: Data,
  options: Partial<BackupOptions> = {},
): Promise<BackupResult> {
  return runBackup(repository, memorySource(data), { type: 'daily', signal: never, ...options });
}

/** SHA-256 of each dataset as it is in a backup. */
export async function digests(repository: Repository, key: BackupKey): Promise<Record<string, string>> {
  const reader = await repository.openBackup(key, never);
  const found: Record<string, string> = {};
  for (const { name, partitions } of reader.catalog.datasets) {
    const hash = createHash('sha256');
    for (const { root } of partitions)
      for await (const block of reader.read(root, { signal: never })) hash.update(block);
    found[name] = hash.digest('hex');
  }
  return found;
}

export function digestsOf(data: Data): Record<string, string> {
  return Object.fromEntries(
    Object.entries(data).map(([name, text]) => [name, createHash('sha256').update(text).digest('hex')]),
  );
}
