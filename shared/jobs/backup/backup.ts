import { DEFAULT_SUSPECTS, type SuspectThresholds } from '../../config/suspects.ts';
import { throwIfAborted } from '../../core/abort.ts';
import { type BackupKey, parseBackupType } from '../../core/ids.ts';
import type { OnProgress } from '../../core/progress.ts';
import type { Suspect } from '../../format/catalog.ts';
import type { SequenceLink } from '../../repository/documents/sequence-links.ts';
import type { BackupReader } from '../../repository/reading/backup-reader.ts';
import type { Repository } from '../../repository/repository.ts';
import type { CommittedBackup } from '../../repository/writing/committed-backup.ts';
import type { ReadingCost, Source, SourceView } from '../../sources/source.ts';
import { newestChanges } from '../changes/newest-changes.ts';
import { type Ancestors, findAncestors } from './ancestors.ts';
import { bundleNew } from './bundles.ts';
import { judgeBackup } from './judge-backup.ts';
import { figuresOfAncestors } from './loss-detection.ts';
import { parentContents } from './parent-contents.ts';
import { writeStableSnapshot } from './stable-snapshot.ts';
import { writeSnapshot } from './write-snapshot.ts';

/** What is to be said about a backup besides its source. */
export interface BackupOptions {
  /** @default 'manual' */
  readonly type?: string;
  readonly note?: string | undefined;
  /** When the backup is suspect. */
  readonly suspects?: SuspectThresholds;
  /** Also lists a backup without any records, as suspect if there were some before. @default false */
  readonly allowEmpty?: boolean;
  /** Reads everything, whatever the parent has of it. */
  readonly fullRead?: boolean;
  /**
   * Compares with no earlier backup and refers to none: everything is read, and stored whole. It is still
   * judged against them.
   */
  readonly noParent?: boolean;
  readonly onProgress?: OnProgress;
  readonly signal: AbortSignal;
}

/** A backup that is listed now, with what it took. */
export interface BackupResult {
  readonly key: BackupKey;
  readonly type: string;
  readonly source: { readonly kind: string; readonly name: string };
  readonly parent: BackupKey | undefined;
  readonly startedAt: Date;
  readonly finishedAt: Date;
  readonly datasets: number;
  readonly records: number;
  readonly chunks: number;
  readonly newChunks: number;
  /** Bytes of records read from the source. */
  readonly plainBytes: number;
  /** Bytes of packs that this run stored. */
  readonly storedBytes: number;
  /** Chunks of the parent that were found wrong, and stored again. */
  readonly parentDamage: number;
  readonly omitted: readonly string[];
  /** What is suspect about it, and compared with which backup; undefined if nothing is. */
  readonly suspect: Suspect | undefined;
  /**
   * Its number among the backups of its source, and the SHA-256 of its manifest: keep it elsewhere, so that
   * nobody can remove the backup unnoticed.
   */
  readonly head: { readonly number: number; readonly sha256: string } | undefined;
  /** The cost of reading, for a source that bills by the byte. */
  readonly cost?: ReadingCost;
}

/**
 * Backs up a source: opens a consistent snapshot, stores what its newest backup lacks, and lists the backup
 * last.
 *
 * @throws E_SOURCE_*, E_EMPTY_READ, E_RUN_TOO_LONG, E_STORE_*, E_ABORTED; then nothing is listed
 */
export async function runBackup(
  repository: Repository,
  source: Source,
  options: BackupOptions,
): Promise<BackupResult> {
  const { signal, allowEmpty = false, onProgress = () => {} } = options;
  parseBackupType(options.type ?? 'manual');
  throwIfAborted(signal);
  repository.context.signatures.refuseUnsigned();
  repository.warmUp();
  onProgress({ kind: 'phase', phase: 'connect' });
  const warn = (message: string) => onProgress({ kind: 'warning', code: 'parent', message });
  const { keys, spoiltPacks } = await repository.listing(signal);
  const ancestors = await findAncestors(repository, source, { keys, warn, signal });
  const parent = options.noParent ? undefined : ancestors.parent;
  // A first backup may be of anything.
  repository.warmUp(parent?.manifest.totals.plainBytes ?? Number.POSITIVE_INFINITY);
  const known = options.fullRead ? undefined : parentContents(parent, repository);
  const after = await newestChanges(repository, source, signal);
  const write = (view: SourceView) =>
    writeBackup(repository, source, view, { ...options, ancestors, parent, spoiltPacks, after, warn });
  const isBase = after !== undefined;
  const about = { parent: known, allowEmpty, isBase, onProgress, onWarning: warn, signal };
  const result = await writeStableSnapshot(source, write, about);
  await bundleNew(repository, signal);
  return result;
}

interface WriteOptions extends BackupOptions {
  readonly ancestors: Ancestors;
  readonly parent: BackupReader | undefined;
  readonly spoiltPacks: ReadonlySet<string>;
  readonly after: number | undefined;
  readonly warn: (message: string) => void;
}

async function writeBackup(
  repository: Repository,
  source: Source,
  view: SourceView,
  options: WriteOptions,
): Promise<BackupResult> {
  const { type = 'manual', note, allowEmpty = false, onProgress = () => {} } = options;
  const { ancestors, parent, spoiltPacks, after, warn } = options;
  const { suspects: thresholds = DEFAULT_SUSPECTS } = options;
  const compresses = repository.context.limits.level > 0;
  let suspect: Suspect | undefined;
  const written = await writeSnapshot(repository, view, {
    type,
    note,
    source: { kind: source.kind, name: source.name },
    parent,
    spoiltPacks,
    after,
    capabilities: source.capabilities,
    judge: (figures) => {
      const judging = { name: source.name, allowEmpty, thresholds, compresses };
      suspect = judgeBackup(figuresOfAncestors(ancestors), figures, judging);
      return suspect;
    },
    onProgress,
    onWarning: warn,
    signal: options.signal,
  });
  const { omitted, cost } = view;
  return backupResult(repository, written, { omitted, cost, suspect });
}

/** The result of a backup that was committed. */
export function backupResult(
  { links }: Pick<Repository, 'links'>,
  { manifest, figures }: CommittedBackup,
  about: Pick<BackupResult, 'omitted' | 'suspect'> & { readonly cost: ReadingCost | undefined },
): BackupResult {
  const { omitted, cost, suspect } = about;
  return {
    key: manifest.key as BackupKey,
    type: manifest.type,
    source: manifest.source,
    parent: (manifest.parent ?? undefined) as BackupKey | undefined,
    startedAt: new Date(manifest.startedAt),
    finishedAt: new Date(manifest.finishedAt),
    ...manifest.totals,
    parentDamage: manifest.reread?.damaged ?? 0,
    ...figures,
    omitted,
    suspect,
    head: numberOf(links.last(manifest.key)),
    ...(cost === undefined ? {} : { cost }),
  };
}

function numberOf(link: SequenceLink | undefined): BackupResult['head'] {
  return link?.sequence && { number: link.sequence.number, sha256: link.sha256 };
}
