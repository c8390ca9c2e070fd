import type { CopyPlace } from '../../config/copy.ts';
import { isHoldfastError } from '../../core/errors.ts';
import type { BackupKey } from '../../core/ids.ts';
import type { Repository } from '../../repository/repository.ts';
import { openStore } from '../../store/open-store.ts';
import { type CopyChoice, chosenBackups } from './copy-choice.ts';
import { listedBackups } from './listed-backups.ts';

export interface PlaceChoice {
  /** Names that manifests may have for a configured source. @default its name alone */
  readonly namesOf?: ((source: string) => readonly string[]) | undefined;
  /** Only these. @default all that the place is to have */
  readonly only?: readonly BackupKey[] | undefined;
}

interface LagOptions extends Pick<PlaceChoice, 'namesOf'> {
  readonly signal: AbortSignal;
}

/** How far a second place is behind. */
export interface CopyLag {
  readonly name: string | undefined;
  readonly to: string;
  /** Backups that are to be there. */
  readonly wanted: number;
  /** Those of them that are not listed there, oldest first. */
  readonly missing: readonly BackupKey[];
}

/** Compares lists: reads no object there, and here only what the choice depends on. @throws E_STORE_*, E_CONFIG */
export async function readCopyLag(
  repository: Repository,
  place: CopyPlace,
  options: LagOptions,
): Promise<CopyLag> {
  const { name, to, s3 } = place;
  const store = await openStore({ repository: to, s3 });
  const listed = await listedBackups(store, options.signal);
  const wanted = await chosenBackups(repository, choiceOf(place, options), options.signal);
  const missing = wanted.filter((key) => !listed.has(key)).reverse();
  return { name, to: store.location, wanted: wanted.length, missing };
}

/** How far a second place is behind, or why that is not known. */
export interface CopyStanding extends CopyLag {
  readonly problem: string | undefined;
}

/** Of every place; one that cannot be looked at keeps no other from being. @throws E_ABORTED */
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
      standings.push({ name, to, wanted: 0, missing: [], problem: error.message });
    }
  }
  return standings;
}

/** What of a repository a place is to have. */
export function choiceOf(
  { types, sources, policy }: CopyPlace,
  { namesOf = (source) => [source], only }: PlaceChoice,
): CopyChoice {
  return { types, sources: sources?.flatMap(namesOf), policy, only };
}
