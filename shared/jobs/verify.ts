import { createHash } from 'node:crypto';
import { buffersLetGo, release } from '../core/buffer-memory.ts';
import { type ErrorCode, HoldfastError, isHoldfastError } from '../core/errors.ts';
import { type BackupKey, type PackId, parsePackId } from '../core/ids.ts';
import { parallel } from '../core/parallel.ts';
import type { OnProgress } from '../core/progress.ts';
import type { ChunkRef } from '../format/chunk-ref.ts';
import { packKey, readDirectory } from '../format/pack.ts';
import { openItem } from '../format/seal.ts';
import type { BackupReader } from '../repository/backup-reader.ts';
import { asDamage } from '../repository/pack-reader.ts';
import type { Repository } from '../repository/repository.ts';
import { sizeOf } from '../store/sizes.ts';

export type VerifyDepth =
  /** Every pack is there with its size, and the store's own checksum where it keeps one. Reads no pack. */
  | { readonly kind: 'quick' }
  /** Every byte: pack names, decryption, chunk hashes, counts against tree, catalog and manifest. */
  | { readonly kind: 'full' }
  /** Full, on part `part` of `of` of the packs; parts 1 to `of` together are `full`. */
  | { readonly kind: 'subset'; readonly part: number; readonly of: number };

export interface Finding {
  /** The object at fault. */
  readonly object: string;
  readonly code: string;
  readonly problem: string;
  readonly backups: readonly BackupKey[];
}

export interface VerifyReport {
  readonly backups: readonly BackupKey[];
  readonly depth: VerifyDepth;
  readonly packs: number;
  readonly chunks: number;
  readonly records: number;
  readonly readBytes: number;
  readonly findings: readonly Finding[];
}

/** Packs read whole at once; each takes its size in memory. */
const PACKS_AT_ONCE = 2;
/** Chunks decoded by one task. */
const CHUNKS_A_TASK = 8;
/** Checked chunks that are remembered, so that what backups share is read once; beyond it, some are read again. */
const MOST_REMEMBERED = 500_000;
const DAMAGE: readonly ErrorCode[] = ['E_DAMAGED', 'E_WRONG_KEY', 'E_NEWER_FORMAT', 'E_FOREIGN_REPOSITORY'];

export interface VerifyOptions {
  readonly depth: VerifyDepth;
  readonly onProgress?: OnProgress;
  readonly signal: AbortSignal;
}

/** Damage is a finding, not an error; a store that cannot be reached is an error. */
export async function verifyBackups(
  repository: Repository,
  keys: readonly BackupKey[],
  options: VerifyOptions,
): Promise<VerifyReport> {
  const verification = new Verification(repository, options);
  options.onProgress?.({ kind: 'phase', phase: 'verify' });
  if (options.depth.kind === 'quick') await verification.quick(keys);
  else await verification.full(keys);
  return verification.report(keys);
}

class Verification {
  readonly #repository: Repository;
  readonly #depth: VerifyDepth;
  readonly #onProgress: OnProgress;
  readonly #signal: AbortSignal;
  readonly #findings = new Map<
    string,
    { readonly finding: Omit<Finding, 'backups'>; readonly backups: Set<BackupKey> }
  >();
  /** Packs that were looked at, and whether they were whole. */
  readonly #packs = new Map<string, boolean>();
  #chunks = new Set<string>();
  #checkedChunks = 0;
  #records = 0;
  #readBytes = 0;

  constructor(repository: Repository, { depth, onProgress = () => {}, signal }: VerifyOptions) {
    this.#repository = repository;
    this.#depth = depth;
    this.#onProgress = onProgress;
    this.#signal = signal;
  }

  report(backups: readonly BackupKey[]): VerifyReport {
    return {
      backups,
      depth: this.#depth,
      packs: this.#packs.size,
      chunks: this.#checkedChunks,
      records: this.#records,
      readBytes: this.#readBytes,
      findings: [...this.#findings.values()].map(({ finding, backups: hit }) => ({
        ...finding,
        backups: [...hit],
      })),
    };
  }

  async quick(keys: readonly BackupKey[]): Promise<void> {
    const sizes = new Map<string, number>();
    for await (const { key, sizeBytes } of this.#repository.store.list('data/', { signal: this.#signal })) {
      sizes.set(key, sizeBytes);
    }
    for (const key of keys) {
      await this.#guard(key, key, async () => {
        const { packs } = await this.#repository.readManifest(key, this.#signal);
        await parallel(packs, { most: 8, signal: this.#signal }, (pack) => this.#quickPack(key, pack, sizes));
      });
    }
  }

  async #quickPack(
    backup: BackupKey,
    { id, bytes }: { readonly id: string; readonly bytes: number },
    sizes: ReadonlyMap<string, number>,
  ) {
    const object = packKey(parsePackId(id));
    await this.#guard(object, backup, async () => {
      const { store } = this.#repository;
      // A listing may lag behind: what it does not show is asked for.
      const stored = sizes.get(object) ?? (await sizeOf(object, store, this.#signal));
      if (stored === undefined) throw new HoldfastError('E_DAMAGED', `${object} is missing`);
      if (stored !== bytes)
        throw new HoldfastError('E_DAMAGED', `${object} has ${stored} bytes, was written with ${bytes}`);
      if (this.#packs.has(id)) return;
      this.#packs.set(id, true);
      const { sha256 } = await store.head(object, { signal: this.#signal });
      if (sha256 !== undefined && sha256 !== id) {
        throw new HoldfastError('E_DAMAGED', `${object} has the checksum ${sha256}, which is not its name`);
      }
    });
  }

  async full(keys: readonly BackupKey[]): Promise<void> {
    const readers: BackupReader[] = [];
    let total = 0;
    for (const key of keys) {
      const reader = await this.#open(key);
      if (!reader) continue;
      readers.push(reader);
      total += reader.manifest.totals.plainBytes;
    }
    this.#onProgress({ kind: 'total', plainBytes: total, datasets: readers.length });
    let done = 0;
    for (const reader of readers) {
      await this.#verifyPacks(reader);
      await this.#verifyTrees(reader);
      done += reader.manifest.totals.plainBytes;
      this.#onProgress({ kind: 'done', plainBytes: done, storedBytes: this.#readBytes });
    }
  }

  /** The manifest's MAC, and the catalog. */
  async #open(key: BackupKey): Promise<BackupReader | undefined> {
    let reader: BackupReader | undefined;
    await this.#guard(key, key, async () => {
      reader = await this.#repository.openBackup(key, this.#signal);
    });
    return reader;
  }

  async #verifyPacks(reader: BackupReader): Promise<void> {
    const key = reader.manifest.key as BackupKey;
    const packs = reader.manifest.packs.filter(({ id }) => this.#isInScope(id));
    await parallel(packs, { most: PACKS_AT_ONCE, signal: this.#signal }, (pack) =>
      this.#verifyPack(reader, key, pack),
    );
  }

  async #verifyPack(
    reader: BackupReader,
    backup: BackupKey,
    { id, bytes }: { readonly id: string; readonly bytes: number },
  ): Promise<void> {
    const object = packKey(parsePackId(id));
    const known = this.#packs.get(id);
    if (known === true) return;
    if (known === false) return this.#blame(object, backup);
    this.#packs.set(id, false);
    const isWhole = await this.#guard(object, backup, async () => {
      const pack = await this.#readPack(object, bytes);
      if (createHash('sha256').update(pack).digest('hex') !== id) {
        throw new HoldfastError(
          'E_DAMAGED',
          `${object} is not what was written: its SHA-256 is not its name`,
        );
      }
      const seal = await reader.packs.seal(id as PackId, undefined, this.#signal);
      for (const { offset, storedBytes } of readDirectory(pack, seal, object)) {
        openItem(
          seal,
          offset,
          pack.subarray(offset, offset + storedBytes),
          `the item at ${offset} of ${object}`,
        );
        buffersLetGo(storedBytes);
      }
      release(pack);
    });
    this.#packs.set(id, isWhole);
  }

  async #readPack(object: string, bytes: number): Promise<Buffer> {
    try {
      const body = await this.#repository.store.get(object, { signal: this.#signal });
      this.#readBytes += body.length;
      if (body.length !== bytes)
        throw new HoldfastError('E_DAMAGED', `${object} has ${body.length} bytes, was written with ${bytes}`);
      return Buffer.from(body.buffer, body.byteOffset, body.byteLength);
    } catch (error) {
      throw asDamage(error, object);
    }
  }

  /** Every chunk from its chain, against the id in its tree; every count against the one above. */
  async #verifyTrees(reader: BackupReader): Promise<void> {
    const key = reader.manifest.key as BackupKey;
    await this.#guard(key, key, async () => this.#verifyTotals(reader));
    for (const { name, partitions } of reader.catalog.datasets) {
      for (const { root, name: partition } of partitions) {
        await this.#guard(`${name} ${partition} of ${key}`, key, async () => {
          for await (const { refs } of reader.leaves(root, { signal: this.#signal }))
            await this.#verifyChunks(reader, key, refs);
        });
      }
    }
  }

  #verifyTotals({ manifest, catalog }: BackupReader): void {
    const data = catalog.datasets.filter(({ kind }) => kind === 'data');
    const roots = data.flatMap(({ partitions }) => partitions.flatMap(({ root }) => root ?? []));
    const records = roots.reduce((sum, root) => sum + root.records, 0);
    const plainBytes = roots.reduce((sum, root) => sum + root.plainBytes, 0);
    const { totals, key } = manifest;
    if (records === totals.records && plainBytes === totals.plainBytes) return;
    throw new HoldfastError('E_DAMAGED', `${key} says ${totals.records} records, its catalog ${records}`);
  }

  async #verifyChunks(reader: BackupReader, backup: BackupKey, refs: readonly ChunkRef[]): Promise<void> {
    const wanted = refs.filter(
      (ref) => this.#isInScope(ref.chain.at(-1)?.pack.id ?? '') && !this.#chunks.has(chunkName(ref)),
    );
    const groups = Array.from({ length: Math.ceil(wanted.length / CHUNKS_A_TASK) }, (_, i) =>
      wanted.slice(i * CHUNKS_A_TASK, (i + 1) * CHUNKS_A_TASK),
    );
    const { pool } = this.#repository.context;
    await parallel(groups, { most: pool.size + 1, signal: this.#signal }, (group) =>
      this.#verifyGroup(reader, backup, group),
    );
  }

  /** One task for all; where that fails, one for each, so that one bad chunk hides no other. */
  async #verifyGroup(reader: BackupReader, backup: BackupKey, group: readonly ChunkRef[]): Promise<void> {
    try {
      await this.#decode(reader, group);
    } catch (error) {
      if (!isDamage(error)) throw error;
      for (const ref of group) {
        const object = packKey((ref.chain.at(-1)?.pack.id ?? '') as PackId);
        await this.#guard(object, backup, () => this.#decode(reader, [ref]));
      }
    }
  }

  async #decode(reader: BackupReader, group: readonly ChunkRef[]): Promise<void> {
    const { plain } = await reader.decode(group, { digest: false, signal: this.#signal });
    release(plain);
    if (this.#chunks.size + group.length > MOST_REMEMBERED) this.#chunks = new Set();
    for (const ref of group) {
      this.#chunks.add(chunkName(ref));
      this.#checkedChunks++;
      this.#records += ref.records;
    }
  }

  #isInScope(pack: string): boolean {
    if (this.#depth.kind !== 'subset') return true;
    return Number.parseInt(pack.slice(0, 8), 16) % this.#depth.of === this.#depth.part - 1;
  }

  /** Runs a check; damage becomes a finding. Whether there was none. */
  async #guard(object: string, backup: BackupKey, check: () => Promise<void>): Promise<boolean> {
    try {
      await check();
      return true;
    } catch (error) {
      if (!isDamage(error)) throw error;
      const known = this.#findings.get(object);
      if (known) known.backups.add(backup);
      else
        this.#findings.set(object, {
          finding: { object, code: error.code, problem: error.message },
          backups: new Set([backup]),
        });
      return false;
    }
  }

  #blame(object: string, backup: BackupKey): void {
    this.#findings.get(object)?.backups.add(backup);
  }
}

function isDamage(error: unknown): error is HoldfastError {
  return isHoldfastError(error) && DAMAGE.includes(error.code);
}

/** The same chunk by the same chain: its id, and where its last item lies. */
function chunkName({ id, chain }: ChunkRef): string {
  const last = chain.at(-1);
  return `${id.toString('latin1', 0, 12)}${last?.pack.id?.slice(0, 16)}${last?.offset}`;
}
