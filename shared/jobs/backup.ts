import { throwIfAborted } from '../core/abort.ts';
import { DEFAULT_SUSPECTS, type SuspectThresholds } from '../core/config-suspects.ts';
import { isHoldfastError } from '../core/errors.ts';
import { type BackupKey, parseBackupType } from '../core/ids.ts';
import type { OnProgress } from '../core/progress.ts';
import { SOFTWARE } from '../core/version.ts';
import type { Suspect } from '../format/catalog.ts';
import type { Manifest } from '../format/manifest.ts';
import type { Repository } from '../repository/repository.ts';
import type { ReadingCost, Source, SourceView } from '../sources/source.ts';
import { type Ancestors, findAncestors } from './ancestors.ts';
import { judgeBackup, refuseEmpty } from './judge-backup.ts';
import { knownOf } from './known-contents.ts';
import { countStored, estimatedBytesOf, partsOf, readOf, readView } from './read-view.ts';
import { figuresOfAncestors } from './suspicion.ts';

export interface BackupOptions {
  /** @default 'manual' */
  readonly type?: string;
  readonly note?: string | undefined;
  /** When the backup is suspect. */
  readonly suspects?: SuspectThresholds;
  /** Lists a backup without any record too, as suspect, where there were some before. @default false */
  readonly allowEmpty?: boolean;
  /** Reads everything, whatever the parent has of it. */
  readonly fullRead?: boolean;
  readonly onProgress?: OnProgress;
  readonly signal: AbortSignal;
}

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
  /** Bytes of packs that this run put into the store. */
  readonly storedBytes: number;
  readonly omitted: readonly string[];
  /** What is suspect about it, and against which backup; undefined where nothing is. */
  readonly suspect: Suspect | undefined;
  /** What reading took, of a source that bills by the byte. */
  readonly cost?: ReadingCost;
}

/**
 * Backs a source up: opens its consistent view, stores what its newest backup has not, and lists the backup
 * last.
 *
 * @throws E_SOURCE_*, E_EMPTY_READ, E_RUN_TOO_LONG, E_STORE_*, E_ABORTED; nothing is listed then
 */
export async function runBackup(
  repository: Repository,
  source: Source,
  options: BackupOptions,
): Promise<BackupResult> {
  const { signal, allowEmpty = false, onProgress = () => {} } = options;
  parseBackupType(options.type ?? 'manual');
  throwIfAborted(signal);
  repository.warmUp();
  onProgress({ kind: 'phase', phase: 'connect' });
  const warn = (message: string) => onProgress({ kind: 'warning', code: 'parent', message });
  const { keys, spoiltPacks } = await repository.listing(signal);
  const ancestors = await findAncestors(repository, source, { keys, warn, signal });
  const known = options.fullRead ? undefined : knownOf(ancestors.parent, repository);
  for (let attempt = 1; ; attempt++) {
    await using view = await source.open(signal, { parent: known, allowEmpty, onWarning: warn });
    if (!allowEmpty) refuseEmpty(view, source.name);
    try {
      return await writeBackup(repository, source, view, { ...options, ancestors, spoiltPacks, warn });
    } catch (error) {
      if (attempt === ATTEMPTS || !isHoldfastError(error, 'E_SOURCE_CHANGED')) throw error;
      const message = `the source changed while it was read, the backup begins again: ${error.message}`;
      onProgress({ kind: 'warning', code: 'changed', message });
    }
  }
}

/** How often a backup is begun where the source changes under it. */
const ATTEMPTS = 3;

interface WriteOptions extends BackupOptions {
  readonly ancestors: Ancestors;
  readonly spoiltPacks: ReadonlySet<string>;
  readonly warn: (message: string) => void;
}

async function writeBackup(
  repository: Repository,
  source: Source,
  view: SourceView,
  options: WriteOptions,
): Promise<BackupResult> {
  const { type = 'manual', note, allowEmpty = false, onProgress = () => {} } = options;
  const { ancestors, spoiltPacks, warn } = options;
  const stop = new AbortController();
  const signal = AbortSignal.any([options.signal, stop.signal]);
  try {
    await using writer = await repository.beginBackup({
      type,
      note,
      source: { kind: source.kind, name: source.name },
      parent: ancestors.parent,
      spoiltPacks,
      software: SOFTWARE,
      onWarning: warn,
      onStored: countStored(onProgress),
      signal,
    });
    const plainBytes = estimatedBytesOf(partsOf(view.datasets));
    onProgress({ kind: 'total', plainBytes, datasets: view.datasets.length });
    onProgress({ kind: 'phase', phase: 'read' });
    await readView(view, writer.share, { maxReaders: source.capabilities.maxReaders, signal });
    onProgress({ kind: 'phase', phase: 'commit' });
    await view.check(signal);
    const { suspects: thresholds = DEFAULT_SUSPECTS } = options;
    const compresses = repository.context.limits.level > 0;
    let suspect: Suspect | undefined;
    const manifest = await writer.commit({
      ...readOf(view, source.capabilities),
      judge: (figures) => {
        const judging = { name: source.name, allowEmpty, thresholds, compresses };
        suspect = judgeBackup(figuresOfAncestors(ancestors), figures, judging);
        return suspect;
      },
    });
    const { omitted, cost } = view;
    return summarise(manifest, { omitted, cost, suspect });
  } catch (error) {
    stop.abort();
    throw error;
  }
}

export function summarise(
  manifest: Manifest,
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
    omitted,
    suspect,
    ...(cost === undefined ? {} : { cost }),
  };
}
