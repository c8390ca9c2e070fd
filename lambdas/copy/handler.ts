import * as z from 'zod';
import type { CopyPlace } from '../../shared/config/copy.ts';
import { HoldfastError, isHoldfastError } from '../../shared/core/errors.ts';
import type { BackupKey } from '../../shared/core/ids.ts';
import type { CopyResult } from '../../shared/jobs/copy/copy.ts';
import { copyToPlace } from '../../shared/jobs/copy/copy-to-place.ts';
import { backupKeyMember } from '../runtime/event-members.ts';
import { putEvent } from '../runtime/events.ts';
import { defineFunction } from '../runtime/function.ts';
import type { Invocation } from '../runtime/invocation.ts';
import { logger } from '../runtime/telemetry.ts';

const Event = z.strictObject({
  /** Only to this place. */
  place: z.string().min(1).optional(),
  /** Only this backup. */
  backup: backupKeyMember.optional(),
  /** The answer of the previous call, if that ran out of time. */
  done: z.unknown().optional(),
});

interface Copied {
  readonly place: string;
  readonly copied: number;
  readonly present: number;
  readonly packs: number;
  readonly bytes: number;
  readonly passedOver: number;
}

/**
 * Copies one backup, or all, to the second places. Needs no key. If it runs out of time after copying
 * something, it says so and must be called again.
 */
export const handler = defineFunction(Event, async ({ place, backup }, invocation) => {
  const places = placesOf(invocation, place);
  const only = backup === undefined ? undefined : [backup as BackupKey];
  const done: Copied[] = [];
  for (const each of places) {
    const copied = await copyInTime(each, only, invocation);
    if (copied) done.push(copied);
    else return { places: done, more: true };
  }
  return { places: done, more: false };
});

function placesOf({ config }: Invocation, name: string | undefined): readonly CopyPlace[] {
  const places = config.copies.filter((place) => name === undefined || place.name === name);
  if (places.length > 0) return places;
  const what = name === undefined ? 'no second place is' : `the second place '${name}' is not`;
  throw new HoldfastError('E_CONFIG', `${what} configured`, { hint: 'Set copy, and deploy.' });
}

/** Undefined if time ran out after something was copied: the next call continues. */
async function copyInTime(
  place: CopyPlace,
  only: readonly BackupKey[] | undefined,
  { repository: open, signal, onProgress }: Invocation,
): Promise<Copied | undefined> {
  const { name = '' } = place;
  let brought = 0;
  try {
    const repository = await open({ withKey: false });
    const result = await copyToPlace(repository, place, {
      only,
      onProgress: (event) => {
        if (event.kind === 'done') brought = event.storedBytes;
        else onProgress(event);
      },
      signal,
    });
    return await report(name, result);
  } catch (error) {
    // The first backup makes it.
    if (isHoldfastError(error, 'E_NO_REPOSITORY')) return noneOf(name);
    if (!isOutOfTime(signal) || brought === 0) throw error;
    logger.info('out of time; the next call continues', { place: name, bytes: brought });
    return undefined;
  }
}

function isOutOfTime({ aborted, reason }: AbortSignal): boolean {
  return aborted && isHoldfastError(reason, 'E_OUT_OF_TIME');
}

/**
 * Damage, here or there, is published; what waits is copied by the next run, and what a prune removed is
 * gone.
 */
async function report(place: string, result: CopyResult): Promise<Copied> {
  const { copied, present, packs, bytes, passedOver } = result;
  for (const { key, packs: ofBackup } of copied)
    logger.info('copied', { place, backup: key, packs: ofBackup });
  for (const { key, why, problem } of passedOver) logger.warn(problem, { place, backup: key, why });
  for (const { key, problem } of passedOver.filter(({ why }) => why === 'damaged'))
    await putEvent('Copy Failed', { place, backup: key, error: { code: 'E_DAMAGED', message: problem } });
  return { place, copied: copied.length, present, packs, bytes, passedOver: passedOver.length };
}

function noneOf(place: string): Copied {
  return { place, copied: 0, present: 0, packs: 0, bytes: 0, passedOver: 0 };
}
