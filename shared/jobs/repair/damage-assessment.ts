import type { HoldfastError } from '../../core/errors.ts';
import type { BackupKey } from '../../core/ids.ts';
import type { ChunkRef } from '../../format/chunk-ref.ts';
import type { NodeRef } from '../../format/tree.ts';
import type { BackupReader } from '../../repository/reading/backup-reader.ts';
import type { Repository } from '../../repository/repository.ts';
import { chunkName, TreeCheck } from '../verify/tree-check.ts';
import { idOf, type SurvivingCopies, searchSurvivingCopies, type Wanted } from './surviving-copies.ts';

/** What cannot be read of a backup where its trees say, and which of it is available elsewhere. */
export interface DamageAssessment {
  /** By `chunkName`. */
  readonly lostChunks: ReadonlyMap<string, HoldfastError>;
  readonly elsewhere: SurvivingCopies;
  /** Whether a chunk is better read elsewhere, though it can be read where its tree says. */
  readonly isAtRisk: (ref: ChunkRef) => boolean;
  /** Something could not be read where it should be. */
  readonly isHit: boolean;
}

/** Where replacements for damaged chunks are looked for. */
export interface ExamineOptions {
  /** Backups to search for equal chunks, in this order. */
  readonly backups: readonly BackupKey[];
  /** Partly damaged packs, by id: what can be read of them is also searched elsewhere. @default none */
  readonly isDamagedPack?: (pack: string) => boolean;
  readonly onPassed?: (plainBytes: number) => void;
  readonly signal: AbortSignal;
}

/**
 * Reads all of a backup, and searches all others for what is damaged. Takes memory for what is damaged, not
 * for what is whole.
 *
 * @throws E_STORE_*, E_ABORTED
 */
export async function assessDamage(
  repository: Repository,
  reader: BackupReader,
  { backups, isDamagedPack = () => false, onPassed = () => {}, signal }: ExamineOptions,
): Promise<DamageAssessment> {
  const isAtRisk = ({ chain }: ChunkRef) => chain.some(({ pack }) => isDamagedPack(pack.id ?? ''));
  const lostChunks = new Map<string, HoldfastError>();
  const elsewhere: SurvivingCopies = { chunks: new Map(), nodes: new Map() };
  const wanted: Wanted = { chunks: new Set(), nodes: new Set() };
  const trees = new TreeCheck(repository, signal);
  let lost = 0;
  const check = (of: BackupReader, node: NodeRef) =>
    trees.check(of, node, {
      onLostNode: ({ node: { id } }) => {
        lost++;
        wanted.nodes.add(idOf({ id }));
      },
      onLostChunk: ({ ref, problem }) => {
        lost++;
        lostChunks.set(chunkName(ref), problem);
        if (!elsewhere.chunks.has(idOf(ref))) wanted.chunks.add(idOf(ref));
      },
      onRef: (ref) => {
        if (isAtRisk(ref) && !elsewhere.chunks.has(idOf(ref))) wanted.chunks.add(idOf(ref));
      },
      onPassed,
      signal,
    });
  for (const { partitions } of reader.catalog.datasets)
    for (const { root } of partitions) if (root) await check(reader, reader.rootNode(root));
  // A node that is found may itself name chunks, or nodes, that are damaged.
  for (let before = 0; lost > before; ) {
    before = lost;
    const known = new Set(elsewhere.nodes.keys());
    const isLost = (ref: ChunkRef) => lostChunks.has(chunkName(ref)) || isAtRisk(ref);
    await searchSurvivingCopies(repository, wanted, elsewhere, { reader, backups, isLost, signal });
    for (const [id, found] of elsewhere.nodes) if (!known.has(id)) await check(found.reader, found.node);
  }
  return { lostChunks, elsewhere, isAtRisk, isHit: lost > 0 };
}
