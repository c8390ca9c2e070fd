import type { HoldfastError } from '../../core/errors.ts';
import type { BackupKey, PackId } from '../../core/ids.ts';
import { isDocumentProblem } from '../../format/authenticated-json.ts';
import type { Manifest } from '../../format/manifest.ts';
import { packKey } from '../../format/pack.ts';
import { isMisdated } from '../../repository/documents/claimed-date.ts';
import type { Marks } from '../../repository/documents/marks.ts';
import type { BackupReader } from '../../repository/reading/backup-reader.ts';
import type { Repository } from '../../repository/repository.ts';
import { isListedLate } from '../../repository/writing/commit-guard.ts';
import type { Source } from '../../sources/source.ts';
import { headIfThere } from '../../store/if-there.ts';
import { isOfSource } from '../source/same-source.ts';

/** The backups that a new one of the same source is compared with. */
export interface Ancestors {
  /**
   * The newest that can be opened: what it has is not stored again. An imported one only if there is no
   * other.
   */
  readonly parent: BackupReader | undefined;
  /** The newest that is not suspect, or was accepted: a new backup must not have lost what it has. */
  readonly good: BackupReader | undefined;
}

/** Where to look for the backups that a new one follows. */
export interface AncestorsOptions {
  /** All listed backups, newest first. */
  readonly keys: readonly BackupKey[];
  readonly warn: (message: string) => void;
  readonly signal: AbortSignal;
}

/**
 * Reads manifests from the newest on, and no further than necessary. Reads reports only if the parent is
 * suspect.
 *
 * @throws E_NO_KEY, E_WRONG_KEY, E_STORE_*
 */
export async function findAncestors(
  repository: Repository,
  source: Pick<Source, 'kind' | 'name' | 'location'>,
  options: AncestorsOptions,
): Promise<Ancestors> {
  let parent: BackupReader | undefined;
  let good: BackupReader | undefined;
  let marks: Promise<Marks> | undefined;
  const isGood = async ({ suspect, key }: Manifest): Promise<boolean> => {
    if (!suspect) return true;
    marks ??= readMarks(repository, options);
    return (await marks).of(key).accept !== undefined;
  };
  const imported: Manifest[] = [];
  for await (const manifest of manifestsOf(repository, source, options)) {
    if (manifest.imported) {
      imported.push(manifest);
      continue;
    }
    const mayBeGood = await isGood(manifest);
    const reader = parent && !mayBeGood ? undefined : await open(repository, manifest, options);
    if (!reader) continue;
    parent ??= await asParent(repository, reader, options);
    if (mayBeGood) good ??= reader;
    if (parent && good) return { parent, good };
  }
  return { parent: parent ?? (await firstToOpen(repository, imported, options)), good };
}

/** Those of the source, newest first. */
async function* manifestsOf(
  repository: Repository,
  source: Pick<Source, 'kind' | 'name' | 'location'>,
  options: AncestorsOptions,
): AsyncGenerator<Manifest> {
  for (const key of options.keys) {
    const manifest = await manifestOf(repository, source, key, options);
    if (manifest) yield manifest;
  }
}

async function firstToOpen(
  repository: Repository,
  manifests: readonly Manifest[],
  options: AncestorsOptions,
): Promise<BackupReader | undefined> {
  for (const manifest of manifests) {
    const reader = await open(repository, manifest, options);
    if (reader && (await knowsPacks(reader, options))) return reader;
  }
  return undefined;
}

/**
 * Undefined if it is of another source, not trusted, dated after it was stored, or removed since it was
 * listed.
 */
async function manifestOf(
  repository: Repository,
  source: Pick<Source, 'kind' | 'name' | 'location'>,
  key: BackupKey,
  options: AncestorsOptions,
): Promise<Manifest | undefined> {
  const { manifest, problem, storedAt } = (await repository.inspectIfListed(key, options.signal)) ?? {};
  if (problem) await passOver(repository, problem, key, options);
  if (manifest && isMisdated(manifest, storedAt)) {
    options.warn(
      `${key} is ignored: it was stored ${storedAt?.toISOString()}, long before it says that it began`,
    );
    return undefined;
  }
  return manifest && isOfSource(manifest.source, source) ? manifest : undefined;
}

/**
 * Undefined if a prune may have removed what it names, or if that is not known: nothing new may name its
 * packs.
 */
async function asParent(
  repository: Repository,
  reader: BackupReader,
  options: AncestorsOptions,
): Promise<BackupReader | undefined> {
  const { warn, signal } = options;
  if (!(await knowsPacks(reader, options))) return undefined;
  const { key, catalog, startedAt } = reader.manifest;
  const { store, context } = repository;
  const storedAt = repository.storedAt(key);
  // Only if it took that long is the store asked for a pack's date.
  if (!storedAt || !isListedLate(storedAt, new Date(startedAt), context.graceMs)) return reader;
  const pack = await headIfThere(packKey(catalog.pack as PackId), store, signal);
  if (!isListedLate(storedAt, pack?.modifiedAt, context.graceMs)) return reader;
  warn(
    `${key} is not used for comparison: it was listed long after its last pack was stored, and may lack packs`,
  );
  return undefined;
}

async function knowsPacks(reader: BackupReader, { warn, signal }: AncestorsOptions): Promise<boolean> {
  try {
    await reader.usedPacks(signal);
    return true;
  } catch (error) {
    if (!isDocumentProblem(error)) throw error;
    warn(`${reader.manifest.key} cannot be used for comparison: ${error.message}`);
    return false;
  }
}

/**
 * A stranger's object is no reason to stop. A backup from after a change of key is: a backup under the old
 * key would be compared with an outdated one, and be taken for the newest.
 */
async function passOver(
  repository: Repository,
  problem: HoldfastError,
  key: string,
  { warn, signal }: AncestorsOptions,
): Promise<void> {
  const { wanted } = problem.details;
  if (problem.code === 'E_WRONG_KEY' && typeof wanted === 'string') {
    if (await repository.wasReplacedBy(wanted, signal)) throw problem;
  }
  warn(`${key} is ignored: ${problem.message}`);
}

async function readMarks(repository: Repository, { warn, signal }: AncestorsOptions): Promise<Marks> {
  const marks = await repository.marks(signal);
  for (const { message } of marks.problems) warn(`a report is not counted: ${message}`);
  return marks;
}

async function open(
  repository: Repository,
  manifest: Manifest,
  { warn, signal }: AncestorsOptions,
): Promise<BackupReader | undefined> {
  try {
    return await repository.openManifest(manifest, signal);
  } catch (error) {
    if (!isDocumentProblem(error)) throw error;
    warn(`${manifest.key} cannot be used for comparison: ${error.message}`);
    return undefined;
  }
}
