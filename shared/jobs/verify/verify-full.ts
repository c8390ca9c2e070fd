import { createHash } from 'node:crypto';
import { buffersLetGo, releaseMemory } from '../../core/buffer-memory.ts';
import { HoldfastError, isHoldfastError } from '../../core/errors.ts';
import type { BackupKey, PackId } from '../../core/ids.ts';
import { mostInMemory, parallel } from '../../core/parallel.ts';
import { MiB } from '../../core/units.ts';
import type { Manifest, RunKey } from '../../format/manifest.ts';
import { packKey, readDirectory } from '../../format/pack.ts';
import type { ListedPack } from '../../format/pack-list.ts';
import { openItem, type PackSeal, parsePackHeader } from '../../format/seal.ts';
import { PackLists } from '../../repository/packs/pack-lists.ts';
import type { BackupReader } from '../../repository/reading/backup-reader.ts';
import { asDamage, isDamage } from '../../repository/reading/damage.ts';
import type { Repository } from '../../repository/repository.ts';
import { BoundsCheck } from './bounds-check.ts';
import { TreeCheck } from './tree-check.ts';
import { refuseContradictions, refuseOtherKey } from './verify-contents.ts';
import type { Findings } from './verify-findings.ts';

/** What is wrong with the pack, and what a manifest says wrongly about it. */
interface PackVerdict {
  readonly damage?: HoldfastError;
  readonly mistake?: HoldfastError | undefined;
}

/** Packs read whole at once; each takes its size in memory, up to 64 MiB. */
const PACKS_AT_ONCE = { most: 2, memoryBytes: 64 * MiB };

/** Which packs are read. */
export interface FullVerificationOptions {
  /** Whether packs of this id, and the chunks that end in them, are checked. Trees always are. */
  readonly isInScope: (pack: string) => boolean;
  /**
   * Whether to check, for each backup, only packs that its parent does not need: those it stored itself.
   * @default false
   */
  readonly onlyNew?: boolean;
  readonly onPassed: (plainBytes: number) => void;
  readonly signal: AbortSignal;
}

/** Every byte: pack ids, decryption, chunk hashes, counts against tree, catalog and manifest. */
export class FullVerification {
  readonly #repository: Repository;
  readonly #findings: Findings;
  readonly #options: FullVerificationOptions;
  readonly #signal: AbortSignal;
  readonly #trees: TreeCheck;
  readonly #lists: PackLists;
  /** What was found for each checked pack, as a manifest describes it. */
  readonly #packs = new Map<string, Promise<PackVerdict>>();
  /** The run and purpose that each whole pack names. */
  readonly #sealedFor = new Map<string, { readonly run: string; readonly purpose: string }>();
  /** Packs, by id, that were checked. */
  readonly #looked = new Set<string>();
  #readBytes = 0;

  constructor(repository: Repository, findings: Findings, options: FullVerificationOptions) {
    this.#repository = repository;
    this.#findings = findings;
    this.#options = options;
    this.#signal = options.signal;
    this.#trees = new TreeCheck(repository, options.signal);
    this.#lists = new PackLists(repository.store);
  }

  get counts() {
    const { chunks, records } = this.#trees;
    return { packs: this.#packs.size, chunks, records, readBytes: this.#readBytes };
  }

  hasLookedAt(pack: string): boolean {
    return this.#looked.has(pack);
  }

  /** The manifest's MAC, and the catalog; undefined if one of them is damaged. */
  async open(key: BackupKey): Promise<BackupReader | undefined> {
    let manifest: Manifest | undefined;
    await this.#findings.guard(key, key, async () => {
      manifest = await this.#repository.readManifest(key, this.#signal);
    });
    if (!manifest) return undefined;
    try {
      return await this.#repository.openManifest(manifest, this.#signal);
    } catch (error) {
      if (!isDamage(error)) throw error;
      const { pack } = manifest.catalog;
      const isWhole = await this.#isWhole(pack);
      this.#looked.add(pack);
      this.#findings.add(isWhole ? key : packKey(pack as PackId), key, error);
      return undefined;
    }
  }

  async verify(reader: BackupReader): Promise<void> {
    const key = reader.manifest.key as BackupKey;
    const isInScope = await this.#scopeOf(reader.manifest);
    const listed = await this.#listedBy(reader);
    const packs = listed.filter(({ id }) => isInScope(id));
    const most = mostInMemory(packs, PACKS_AT_ONCE);
    await parallel(packs, { most, signal: this.#signal }, (pack) => this.#verifyPack(reader, key, pack));
    await this.#findings.guard(key, key, async () => {
      refuseContradictions(reader, listed);
      await reader.usedBytes(this.#signal);
    });
    await this.#verifyTrees(reader, isInScope);
  }

  async #scopeOf({ parent }: Manifest): Promise<(pack: string) => boolean> {
    const { isInScope, onlyNew = false } = this.#options;
    if (!onlyNew || parent === null) return isInScope;
    const older = await this.#packsOf(parent as BackupKey);
    return (pack) => !older.has(pack) && isInScope(pack);
  }

  /** None for a backup that is gone, or cannot be read. */
  async #packsOf(key: BackupKey): Promise<ReadonlySet<string>> {
    try {
      const manifest = await this.#repository.readManifest(key, this.#signal);
      const packs = await this.#lists.packs(manifest, this.#signal);
      return new Set(packs.map(({ id }) => id));
    } catch (error) {
      if (isHoldfastError(error, 'E_NO_BACKUP') || isDamage(error)) return new Set();
      throw error;
    }
  }

  /** Keys that a restore needs, as far as its pack list is whole. */
  async keysOf({ manifest }: BackupReader): Promise<readonly RunKey[]> {
    const keys = new Set<RunKey>(manifest.keys);
    for await (const group of this.#lists.walk(manifest, { signal: this.#signal }))
      if ('packs' in group && group.object) for (const { key } of group.packs) if (key) keys.add(key);
    return [...keys];
  }

  /** The backup's packs, as far as its pack list is whole; damage becomes a finding. */
  async #listedBy({ manifest }: BackupReader): Promise<readonly ListedPack[]> {
    const key = manifest.key as BackupKey;
    const listed: ListedPack[] = [];
    for await (const group of this.#lists.walk(manifest, { signal: this.#signal })) {
      const { object } = group;
      if (object) this.#looked.add(object.id);
      if ('problem' in group) this.#findings.add(packKey(group.object.id as PackId), key, group.problem);
      else listed.push(...group.packs);
    }
    return listed;
  }

  async #verifyPack(reader: BackupReader, backup: BackupKey, pack: ListedPack): Promise<void> {
    const object = packKey(pack.id as PackId);
    this.#looked.add(pack.id);
    const { run, wrapped } = pack.key ?? {};
    const name = `${pack.id} ${pack.bytes} ${run} ${wrapped}`;
    const check = this.#packs.get(name) ?? this.#judgePack(reader, object, pack);
    this.#packs.set(name, check);
    const { damage, mistake } = await check;
    if (damage) this.#findings.add(object, backup, damage);
    if (mistake) this.#findings.add(backup, backup, mistake);
    const sealed = this.#sealedFor.get(pack.id);
    if (sealed) await this.#findings.guard(backup, backup, async () => refuseOtherKey(reader, pack, sealed));
  }

  async #judgePack(reader: BackupReader, object: string, pack: ListedPack): Promise<PackVerdict> {
    try {
      return { mistake: await this.#checkPack(reader, object, pack) };
    } catch (error) {
      if (!isDamage(error)) throw error;
      return { damage: error };
    }
  }

  /** @returns what a manifest says wrongly about a whole pack. @throws E_DAMAGED for the pack itself */
  async #checkPack(
    reader: BackupReader,
    object: string,
    { id, bytes }: ListedPack,
  ): Promise<HoldfastError | undefined> {
    const pack = await this.#readPack(object);
    const { length } = pack;
    if (sha256(pack) !== id) {
      const size = length === bytes ? '' : `it has ${length} bytes, was written with ${bytes}, and `;
      throw new HoldfastError('E_DAMAGED', `${object} was changed: ${size}its SHA-256 is not its name`);
    }
    const { runKeyId: run, purpose } = parsePackHeader(pack, object);
    this.#sealedFor.set(id, { run, purpose });
    if (length !== bytes) return wrongly(reader, `${object} has ${bytes} bytes; it has ${length}`);
    let seal: PackSeal;
    try {
      seal = await reader.packs.seal(id as PackId, undefined, this.#signal);
    } catch (error) {
      if (!isDamage(error)) throw error;
      return wrongly(reader, `another key opens ${object} (${error.message})`);
    }
    for (const { offset, storedBytes } of readDirectory(pack, seal, object)) {
      const item = pack.subarray(offset, offset + storedBytes);
      openItem(seal, offset, item, `the item at ${offset} of ${object}`);
      buffersLetGo(storedBytes);
    }
    releaseMemory(pack);
    return undefined;
  }

  /** Whether a pack is whole: then a manifest that it does not fit is at fault. */
  async #isWhole(id: string): Promise<boolean> {
    try {
      const pack = await this.#readPack(packKey(id as PackId));
      return sha256(pack) === id;
    } catch (error) {
      if (!isDamage(error)) throw error;
      return false;
    }
  }

  async #readPack(object: string): Promise<Buffer> {
    try {
      const body = await this.#repository.store.get(object, { signal: this.#signal });
      this.#readBytes += body.length;
      return Buffer.from(body.buffer, body.byteOffset, body.byteLength);
    } catch (error) {
      throw asDamage(error, object);
    }
  }

  async #verifyTrees(reader: BackupReader, isInScope: (pack: string) => boolean): Promise<void> {
    const key = reader.manifest.key as BackupKey;
    for (const dataset of reader.catalog.datasets) {
      const { name } = dataset;
      const blame = (pack: string | undefined, problem: HoldfastError) =>
        this.#findings.add(packKey(pack as PackId), key, problem, name);
      for (const { name: partition, root } of dataset.partitions) {
        if (!root) continue;
        const onWrong = blame;
        const bounds = await BoundsCheck.of(reader, dataset, partition, { onWrong, signal: this.#signal });
        await this.#trees.check(reader, reader.rootNode(root), {
          isInScope: ({ chain }) => isInScope(chain.at(-1)?.pack.id ?? ''),
          // The scope differs from backup to backup.
          passesKnownLeaves: !this.#options.onlyNew,
          bounds,
          onLostNode: ({ node, problem }) => blame(node.location.pack.id, problem),
          onLostChunk: ({ pack, problem }) => blame(pack, problem),
          onPassed: this.#options.onPassed,
          signal: this.#signal,
        });
      }
    }
  }
}

function sha256(bytes: Uint8Array): string {
  return createHash('sha256').update(bytes).digest('hex');
}

function wrongly({ manifest: { key } }: BackupReader, said: string): HoldfastError {
  return new HoldfastError('E_DAMAGED', `${key} says wrongly that ${said}`, {
    hint: 'The pack is whole, and so are the other backups that need it; restore one of those.',
  });
}
