import type { FormatVersion } from '../../core/format-version.ts';
import { KiB } from '../../core/units.ts';
import type { ItemLocation, PackHandle } from '../../format/chunk-ref.ts';
import { packKey } from '../../format/pack.ts';
import type { ListedPack } from '../../format/pack-list.ts';
import type { ObjectStore } from '../../store/object-store.ts';
import { sizesOf } from '../../store/sizes.ts';
import type { RunKeyEntry } from '../keys/key-ring.ts';
import type { BackupReader, UsedPack } from '../reading/backup-reader.ts';

/** A pack that is used less than this is retired: what is used of it is stored again. */
const SPARSE_SHARE = 1 / 4;
/** In format 2, such a small pack is mostly padding, so storing its content again would take as much. */
const SMALL_BYTES = 32 * KiB;

function isSparse({ bytes, usedBytes }: UsedPack, version: FormatVersion): boolean {
  return usedBytes < bytes * SPARSE_SHARE && (version === 1 || bytes > SMALL_BYTES);
}

/** A pack of another backup. */
export interface OtherPack {
  readonly bytes: number;
  /** The run key that seals it. */
  readonly key: RunKeyEntry | undefined;
}

interface KnownPack extends OtherPack {
  readonly isKept: boolean;
  /** Bytes that the parent uses of it, and the size that the pack takes for each of them. */
  readonly usedBytes: number;
  readonly roomFactor: number;
}

/**
 * What every pack has besides its items: header, directory, tags, and in format 2 minimum padding; and a
 * share of padding.
 */
const OVERHEAD_BYTES = { 1: 512, 2: 9 * KiB };
const PADDING_SHARE = 1 / 16;

function roomFactor({ bytes, usedBytes }: UsedPack, version: FormatVersion): number {
  const unused = bytes * (1 - PADDING_SHARE) - OVERHEAD_BYTES[version] - usedBytes;
  return 1 + Math.max(0, unused) / Math.max(1, usedBytes);
}

/** Most runs add no more than what is still used of theirs: three of four, not counting the most used one. */
const GROWTH_RANK = 3 / 4;

function growthOf(packs: readonly UsedPack[]): number {
  const byRun = new Map<string, number>();
  for (const { key, usedBytes } of packs) {
    const { purpose, run = '' } = key ?? {};
    if (purpose === 'data') byRun.set(run, (byRun.get(run) ?? 0) + usedBytes);
  }
  const grown = [...byRun.values()].sort((a, b) => a - b).slice(0, -1);
  return grown.length > 1 ? (grown[Math.floor((grown.length - 1) * GROWTH_RANK)] ?? 0) : 0;
}

/** What one partition uses of which packs. A partition that is written again begins a new one. */
export class PartitionPackUse {
  readonly bytes = new Map<PackHandle, number>();

  add({ pack, storedBytes }: ItemLocation): void {
    this.#count(pack, storedBytes);
  }

  addAll({ bytes }: PartitionPackUse): void {
    for (const [pack, storedBytes] of bytes) this.#count(pack, storedBytes);
  }

  #count(pack: PackHandle, storedBytes: number): void {
    this.bytes.set(pack, (this.bytes.get(pack) ?? 0) + storedBytes);
  }
}

/** Which packs of other backups may be used, and which of the parent's to retire. */
export class PackLedger {
  /** Problems with the parent's packs, for warnings. */
  readonly problems: readonly string[];
  readonly #known: Map<string, KnownPack>;
  readonly #backups = new Set<string>();
  #namedBytes = 0;
  #dataRoomBytes = 0;
  #growthBytes = 0;

  constructor(parent: Map<string, KnownPack> = new Map(), problems: readonly string[] = []) {
    this.#known = parent;
    this.problems = problems;
  }

  /** Names of the backups whose packs may be used. */
  get backups(): readonly string[] {
    return [...this.#backups];
  }

  /**
   * Checks which packs of the parent exist: the content of a missing one is stored again.
   *
   * @param spoilt packs that exist but are damaged, by id
   */
  static async of(
    parent: Pick<BackupReader, 'manifest' | 'usedPacks'>,
    spoilt: ReadonlySet<string>,
    store: ObjectStore,
    signal: AbortSignal,
  ): Promise<PackLedger> {
    const { version } = parent.manifest;
    const used = await parent.usedPacks(signal);
    const objects = used.map(({ id }) => packKey(id as never));
    const stored = await sizesOf(objects, { store, prefix: 'data/', signal });
    const problems: string[] = [];
    const packs = used.map((pack) => {
      const { id, bytes, usedBytes, key } = pack;
      const isThere = stored.get(packKey(id as never)) === bytes;
      const isWhole = isThere && !spoilt.has(id);
      if (!isWhole) {
        const problem = isThere ? 'was found damaged' : 'is missing or of another size';
        problems.push(`${packKey(id as never)} ${problem}; its content is stored again`);
      }
      return [
        id,
        {
          bytes,
          key,
          isKept: isWhole && !isSparse(pack, version),
          usedBytes,
          roomFactor: roomFactor(pack, version),
        },
      ] as const;
    });
    const ledger = new PackLedger(new Map(packs), problems);
    ledger.#backups.add(parent.manifest.key);
    ledger.#namedBytes = used.reduce((sum, { bytes }) => sum + bytes, 0);
    ledger.#dataRoomBytes = used
      .filter(({ key }) => key?.purpose === 'data')
      .reduce((sum, pack) => sum + pack.usedBytes * roomFactor(pack, version), 0);
    ledger.#growthBytes = growthOf(used);
    return ledger;
  }

  /** Packs of another backup that this one is going to use too. */
  know(backup: string, packs: readonly ListedPack[]): void {
    this.#backups.add(backup);
    for (const { id, bytes, key } of packs)
      if (!this.#known.has(id))
        this.#known.set(id, { bytes, key, isKept: true, usedBytes: bytes, roomFactor: 1 });
  }

  isKept(pack: PackHandle): boolean {
    return pack.id === undefined || (this.#known.get(pack.id)?.isKept ?? true);
  }

  /** Size of all packs that the parent names. */
  get namedBytes(): number {
    return this.#namedBytes;
  }

  /** Bytes that the parent's chunks take, including the unused part of their packs. */
  get dataRoomBytes(): number {
    return this.#dataRoomBytes;
  }

  /** Bytes of chunks that a backup adds, judged by what the parent uses of earlier ones. */
  get growthBytes(): number {
    return this.#growthBytes;
  }

  /**
   * Bytes that an item of the parent takes, with its part of the unused rest of its pack.
   *
   * @param leftBytes what the parent uses of the pack, but the backup being made does not
   */
  roomOf({ pack, storedBytes }: ItemLocation, leftBytes = 0): number {
    const known = this.#known.get(pack.id ?? '');
    if (!known) return storedBytes;
    const { usedBytes, roomFactor: factor } = known;
    return (storedBytes * factor * usedBytes) / Math.max(storedBytes, usedBytes - leftBytes);
  }

  /** Those of other backups, by id. */
  get others(): ReadonlyMap<string, OtherPack> {
    return this.#known;
  }
}
