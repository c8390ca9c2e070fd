import { throwIfAborted } from '../../core/abort.ts';
import { HoldfastError } from '../../core/errors.ts';
import { type BackupKey, backupKey, parseBackupKey, parseBackupType } from '../../core/ids.ts';
import type { OnProgress } from '../../core/progress.ts';
import { HOUR_MS, SECOND_MS } from '../../core/units.ts';
import { isDocumentProblem } from '../../format/authenticated-json.ts';
import type { Manifest } from '../../format/manifest.ts';
import type { BackupReader } from '../../repository/reading/backup-reader.ts';
import type { Repository } from '../../repository/repository.ts';
import type { CommittedBackup } from '../../repository/writing/committed-backup.ts';
import { candidateTimes } from '../../repository/writing/put-manifest.ts';
import type { ImportedFile } from '../../sources/import.ts';
import type { Source } from '../../sources/source.ts';
import { type BackupResult, backupResult } from '../backup/backup.ts';
import { writeSnapshot } from '../backup/write-snapshot.ts';
import { isOfSource } from '../source/same-source.ts';

/** How far clocks may differ; a later date is refused, as that time has not come. */
const MOST_AHEAD_MS = HOUR_MS;
/** Partitions read at once. */
const READERS = 4;

/** What a file is imported as. */
export interface ImportBackupOptions {
  /** The source of the file's data. */
  readonly source: Pick<Source, 'kind' | 'name' | 'location'>;
  /** @default 'imported' */
  readonly type?: string | undefined;
  /** When the data was read from its database. */
  readonly at: Date;
  readonly note?: string | undefined;
  readonly onProgress?: OnProgress;
  readonly signal: AbortSignal;
}

/** The backup that holds a file now. */
export interface ImportBackupResult extends BackupResult {
  /** The same file was imported before, as this backup; nothing was stored. */
  readonly isThereAlready: boolean;
}

/**
 * Lists a file's content as a backup that was made at another time: it follows nothing, and precedes newer
 * ones. It is not judged against other backups, and is compared with one only to store less.
 *
 * @throws E_USAGE for a time in the future, E_RUN_TOO_LONG, E_STORE_*, E_ABORTED, what reading the file
 * throws; then nothing is listed
 */
export async function importBackup(
  repository: Repository,
  file: ImportedFile,
  options: ImportBackupOptions,
): Promise<ImportBackupResult> {
  const { source, type = 'imported', note, onProgress = () => {}, signal } = options;
  const { kind, name } = source;
  parseBackupType(type);
  throwIfAborted(signal);
  const at = wholeSecond(options.at);
  const now = repository.clock.now();
  if (at.getTime() > now.getTime() + MOST_AHEAD_MS)
    throw new HoldfastError(
      'E_USAGE',
      `the backup would be dated ${at.toISOString()}, which is in the future`,
      {
        hint: 'Give the time when the data was read: --at 2024-03-01T02:00:00Z.',
      },
    );
  const position = `file of SHA-256 ${file.sha256}`;
  const warn = (message: string) => onProgress({ kind: 'warning', code: 'parent', message });
  const { keys, spoiltPacks } = await repository.listing(signal);
  const before = await findImported(repository, keys, { type, at, source, position, signal });
  if (before) return { ...before, isThereAlready: true };
  repository.warmUp();
  const { view } = file;
  const written = await writeSnapshot(repository, view, {
    type,
    note,
    source: { kind, name },
    imported: { at: now.toISOString(), format: file.format },
    parent: await findNearest(repository, keys, { at, source, warn, signal }),
    isOlder: true,
    copyOf: { startedAt: at.toISOString() },
    spoiltPacks,
    capabilities: { consistency: 'atomic', maxReaders: READERS },
    position,
    judge: () => undefined,
    onProgress,
    onWarning: warn,
    signal,
  });
  return { ...resultOf(repository, written, view.omitted), isThereAlready: false };
}

type Wanted = Pick<ImportBackupOptions, 'source' | 'at' | 'signal'>;

/** The backup that an earlier import of the same file made. */
async function findImported(
  repository: Repository,
  keys: readonly BackupKey[],
  { type, at, source, position, signal }: Wanted & { readonly type: string; readonly position: string },
): Promise<BackupResult | undefined> {
  const times = candidateTimes({ startedAt: at, parent: undefined });
  const wanted = new Set(times.map((time) => backupKey(type, time)));
  for (const key of keys.filter((one) => wanted.has(one))) {
    const manifest = await manifestOf(repository, key, { source, signal });
    if (!manifest?.imported) continue;
    const reader = await repository.openManifest(manifest, signal);
    if (reader.catalog.position === position) return resultOf(repository, reader, reader.catalog.omitted);
  }
  return undefined;
}

/** The backup of the same source nearest to that time: it has most in common with it. */
async function findNearest(
  repository: Repository,
  keys: readonly BackupKey[],
  { at, source, warn, signal }: Wanted & { readonly warn: (message: string) => void },
): Promise<BackupReader | undefined> {
  const distance = (key: BackupKey) =>
    Math.abs((parseBackupKey(key)?.startedAt.getTime() ?? 0) - at.getTime());
  for (const key of keys.toSorted((a, b) => distance(a) - distance(b))) {
    const manifest = await manifestOf(repository, key, { source, signal });
    if (!manifest) continue;
    try {
      const reader = await repository.openManifest(manifest, signal);
      await reader.usedPacks(signal);
      return reader;
    } catch (error) {
      if (!isDocumentProblem(error)) throw error;
      warn(`${key} cannot be used for comparison: ${error.message}`);
    }
  }
  return undefined;
}

/** Undefined if it is of another source, or not trusted. */
async function manifestOf(
  repository: Repository,
  key: BackupKey,
  { source, signal }: Pick<Wanted, 'source' | 'signal'>,
): Promise<Manifest | undefined> {
  const { manifest } = (await repository.inspectIfListed(key, signal)) ?? {};
  return manifest && isOfSource(manifest.source, source) ? manifest : undefined;
}

function resultOf(repository: Repository, backup: CommittedBackup, omitted: readonly string[]): BackupResult {
  return backupResult(repository, backup, { omitted, cost: undefined, suspect: undefined });
}

/** Names count seconds. */
function wholeSecond(at: Date): Date {
  return new Date(at.getTime() - (at.getTime() % SECOND_MS));
}
