import type { CopyPlace } from '../../config/copy.ts';
import { isHoldfastError } from '../../core/errors.ts';
import type { BackupKey } from '../../core/ids.ts';
import type { Repository } from '../../repository/repository.ts';
import { openStore } from '../../store/open-store.ts';
import { type ChangesLag, NOTHING_MISSING, readChangesLag } from './changes-lag.ts';
import { type CopyChoice, chosenBackups } from './copy-choice.ts';
import { listedBackups } from './listed-backups.ts';

/** Which backups a place should have. */
export interface PlaceChoice {
  /** Names that manifests may have for a configured source. @default only its own name */
  readonly namesOf?: ((source: string) => readonly string[]) | undefined;
  /** Only these. @default everything that the place should have */
  readonly only?: readonly BackupKey[] | undefined;
}

interface LagOptions extends Pick<PlaceChoice, 'namesOf'> {
  readonly signal: AbortSignal;
}

/** How far a second place is behind. */
export interface CopyLag {
  readonly name: string | undefined;
  readonly to: string;
  /** Number of backups that should be there. */
  readonly wanted: number;
  /** Those that are not listed there, oldest first. */
  readonly missing: readonly BackupKey[];
  /** Change segments that are not there. */
  readonly changes: ChangesLag;
}

/**
 * Compares listings: reads no object there, and here only what the choice depends on. @throws E_STORE_*,
 * E_CONFIG
 */
export async function readCopyLag(
  repository: Repository,
  place: CopyPlace,
  options: LagOptions,
): Promise<CopyLag> {
  const { name, to, s3 } = place;
  const store = await openStore({ repository: to, s3 });
  const listed = await listedBackups(store, options.signal);
  const choice = choiceOf(place, options);
  const wanted = await chosenBackups(repository, choice, options.signal);
  const missing = wanted.filter((key) => !listed.has(key)).reverse();
  const changes = await readChangesLag(repository, store, {
    sources: choice.sources,
    signal: options.signal,
  });
  return { name, to: store.location, wanted: wanted.length, missing, changes };
}

/** How far a second place is behind, or why that is not known. */
export interface CopyStanding extends CopyLag {
  readonly problem: string | undefined;
}

/** For every place; a place that cannot be checked does not affect the others. @throws E_ABORTED */
export async function readCopyStandings(
  repository: Repository,
  places: readonly CopyPlace[],
  options: LagOptions,
): Promise<readonly CopyStanding[]> {
  const standings: CopyStanding[] = [];
  for (const place of places) {
    const { name, to } = place;
    try {
      standings.push({ ...(await readCopyLag(repository, place, options)), problem: undefined });
    } catch (error) {
      if (!isHoldfastError(error) || error.code === 'E_ABORTED') throw error;
      standings.push({ name, to, wanted: 0, missing: [], changes: NOTHING_MISSING, problem: error.message });
    }
  }
  return standings;
}

/** The part of a repository that a place should have. */
export function choiceOf(
  { types, sources, policy }: CopyPlace,
  { namesOf = (source) => [source], only }: PlaceChoice,
): CopyChoice {
  return { types, sources: sources?.flatMap(namesOf), policy, only };
}
