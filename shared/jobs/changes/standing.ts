import type { NamedSource } from '../../config/named-source.ts';
import { isHoldfastError } from '../../core/errors.ts';
import { newestSegment } from '../../repository/changes/change-chain.ts';
import { newestListed } from '../../repository/changes/list-segments.ts';
import type { OpenedSegment } from '../../repository/changes/segment-reader.ts';
import { isDamage } from '../../repository/reading/damage.ts';
import type { Repository } from '../../repository/repository.ts';
import { lackingRecoveryKeys } from '../keys/recovery-coverage.ts';
import { readPause } from './pause.ts';
import { needsBase } from './timeline.ts';

/** How far the stored changes of a source reach. */
export interface ChangeStanding {
  /** Its name. */
  readonly source: string;
  /** All that was committed by then is stored. Undefined: nothing is stored, or it is not known. */
  readonly reachedAt: Date | undefined;
  /** Why the newest changes can be applied to no backup; undefined if they can, or it is not known. */
  readonly baseDue: string | undefined;
  /** Polling is paused. */
  readonly isPaused: boolean;
  /** Recovery keys that do not open the newest segment: their ids. */
  readonly uncovered: readonly string[];
  /** The newest segment is damaged: a sentence. */
  readonly damage: string | undefined;
  /** What could not be looked at, and why: a sentence. */
  readonly problem: string | undefined;
}

/** Where standings are read. */
export interface StandingsPlace {
  /** Lists and reads backups, with or without a key. */
  readonly repository: Repository;
  /** Reads what segments say: the same, or one whose key opens only that. @default `repository` */
  readonly changes?: Repository | undefined;
}

type Source = Pick<NamedSource, 'kind' | 'name' | 'continuous'>;

/**
 * How far the stored changes reach of each source that is backed up continuously. A few requests a source. What cannot be read is
 * a problem, never an error: this is asked for when something is wrong.
 *
 * @throws E_ABORTED
 */
export async function readChangeStandings(
  place: StandingsPlace,
  sources: readonly Source[],
  signal: AbortSignal,
): Promise<readonly ChangeStanding[]> {
  const standings: ChangeStanding[] = [];
  for (const source of sources)
    if (source.continuous) standings.push(await standingOf(place, source, signal));
  return standings;
}

async function standingOf(
  place: StandingsPlace,
  { kind, name }: Source,
  signal: AbortSignal,
): Promise<ChangeStanding> {
  const nothing = {
    source: name,
    reachedAt: undefined,
    baseDue: undefined,
    damage: undefined,
    isPaused: false,
    uncovered: [],
  };
  const { repository, changes = repository } = place;
  try {
    nothing.isPaused = (await readPause(changes.store, { kind, name }, signal)) !== undefined;
    const newest = await newestSegment(changes.context, { kind, name }, signal);
    if (!newest) return { ...nothing, problem: undefined };
    const baseDue = await needsBase(repository, { kind, name }, signal, newest);
    const uncovered = await lackingRecoveryKeys(changes, newest.clear.keys, signal);
    return { ...nothing, reachedAt: reachedAt(newest), baseDue, uncovered, problem: undefined };
  } catch (error) {
    if (!isHoldfastError(error) || error.code === 'E_ABORTED') throw error;
    const { code, message } = error;
    if (isDamage(error)) return { ...nothing, damage: message, problem: undefined };
    if (code !== 'E_NO_KEY') return { ...nothing, problem: message };
    return { ...nothing, ...(await withoutKey(place, { kind, name }, signal)) };
  }
}

/** A listing alone says when the newest segment was stored. */
async function withoutKey(
  { repository }: StandingsPlace,
  source: Pick<Source, 'kind' | 'name'>,
  signal: AbortSignal,
): Promise<Pick<ChangeStanding, 'reachedAt' | 'problem'>> {
  const listed = await newestListed(repository.store, source, signal);
  if (!listed) return { reachedAt: undefined, problem: undefined };
  return {
    reachedAt: listed.modifiedAt,
    problem: 'without the key, Holdfast cannot tell whether a backup can be brought up to them',
  };
}

/** By the server's clock or by the store's, whichever is earlier: one that is ahead would hide that nobody polls. */
function reachedAt({ head, storedAt }: Pick<OpenedSegment, 'head' | 'storedAt'>): Date {
  const readAt = new Date(head.facts.readAt);
  return readAt < storedAt ? readAt : storedAt;
}
