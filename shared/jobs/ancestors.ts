import type { HoldfastError } from '../core/errors.ts';
import type { BackupKey } from '../core/ids.ts';
import { isDocumentProblem } from '../format/authenticated-json.ts';
import type { BackupReader } from '../repository/backup-reader.ts';
import type { Marks } from '../repository/marks.ts';
import type { ManifestEntry, Repository } from '../repository/repository.ts';
import type { Source } from '../sources/source.ts';

/** The backups that a new one of the same source is compared with. */
export interface Ancestors {
  /** The newest that can be opened: what it has is not stored again. */
  readonly parent: BackupReader | undefined;
  /** The newest of those that is not suspect, or that somebody accepted: what a new one must not have lost. */
  readonly good: BackupReader | undefined;
}

export interface AncestorsOptions {
  /** All listed backups, newest first. */
  readonly keys: readonly BackupKey[];
  readonly warn: (message: string) => void;
  readonly signal: AbortSignal;
}

/**
 * Reads manifests from the newest on, and no further than it must. Reports are read only where the parent is suspect.
 *
 * @throws E_NO_KEY, E_WRONG_KEY, E_STORE_*
 */
export async function findAncestors(
  repository: Repository,
  source: Pick<Source, 'kind' | 'name'>,
  options: AncestorsOptions,
): Promise<Ancestors> {
  let parent: BackupReader | undefined;
  let marks: Marks | undefined;
  for (const key of options.keys) {
    const entry = await repository.inspectManifest(key, options.signal);
    if (entry.problem) await passOver(repository, entry.problem, key, options);
    if (!isOf(source, entry)) continue;
    const isSuspect = entry.manifest?.suspect !== undefined;
    if (isSuspect) marks ??= await readMarks(repository, options);
    const isGood = !isSuspect || marks?.of(key).accept !== undefined;
    const reader = parent && !isGood ? undefined : await open(repository, entry, options);
    if (!reader) continue;
    parent ??= reader;
    if (isGood) return { parent, good: reader };
  }
  return { parent, good: undefined };
}

/**
 * What a stranger put there is no reason to stop; what was written after the key was changed is, as a backup under the
 * old key would be compared with one that is out of date, and be taken for the newest.
 */
async function passOver(
  repository: Repository,
  problem: HoldfastError,
  key: string,
  { warn, signal }: AncestorsOptions,
): Promise<void> {
  const { wanted } = problem.details;
  if (problem.code === 'E_WRONG_KEY' && typeof wanted === 'string') {
    if (await repository.hasKeysOf(wanted, signal)) throw problem;
  }
  warn(`${key} is passed over: ${problem.message}`);
}

function isOf({ kind, name }: Pick<Source, 'kind' | 'name'>, { manifest }: ManifestEntry): boolean {
  return manifest?.source.kind === kind && manifest.source.name === name;
}

async function readMarks(repository: Repository, { warn, signal }: AncestorsOptions): Promise<Marks> {
  const marks = await repository.marks(signal);
  for (const { message } of marks.problems) warn(`a report is not counted: ${message}`);
  return marks;
}

async function open(
  repository: Repository,
  { key, manifest }: ManifestEntry,
  { warn, signal }: AncestorsOptions,
): Promise<BackupReader | undefined> {
  if (!manifest) return undefined;
  try {
    return await repository.openManifest(manifest, signal);
  } catch (error) {
    if (!isDocumentProblem(error)) throw error;
    warn(`${key} cannot be compared with: ${error.message}`);
    return undefined;
  }
}
