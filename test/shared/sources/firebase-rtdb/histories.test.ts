import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import { runBackup } from '../../../../shared/jobs/backup/backup.ts';
import { restoreBackup } from '../../../../shared/jobs/restore/restore.ts';
import { parseFirebaseOptions } from '../../../../shared/sources/firebase-rtdb/connection/options.ts';
import { FirebaseSource } from '../../../../shared/sources/firebase-rtdb/source.ts';
import { FirebaseTarget } from '../../../../shared/sources/firebase-rtdb/target.ts';
import { MemoryStore } from '../../../../shared/store/memory-store.ts';
import { startFirebaseServer } from '../../../../tools/firebase-server/server.ts';
import { initRepository, never, openRepository } from '../../../support/repository/engine.ts';
import { cases, isTorture, testSeed, tortureTimeoutMs } from '../../../support/repository/torture.ts';
import {
  ALWAYS_THERE,
  type Change,
  type History,
  jsonOf,
  LIMITS,
  largeHistories,
  realHistories,
  serverOptions,
  smallHistories,
} from '../../../support/sources/firebase-histories.ts';
import { differenceOf, readWholeTree } from '../../../support/sources/firebase-plain-reader.ts';

/** Small children are read one by one from this size on, where sizes are small. */
const SMALL_PROBE_BYTES = 64;

describe('a database whose nodes change their shape from one backup to the next', () => {
  it.each([
    ['small sizes', smallHistories, cases(3, 57, 1850)],
    ['real sizes', realHistories, cases(1, 3, 120)],
    ...(isTorture ? [['the largest sizes', largeHistories, cases(0, 0, 30)] as const] : []),
  ] as const)(
    'is restored from each of five backups as it was: %s',
    async (_, histories, numRuns) => {
      await fc.assert(fc.asyncProperty(histories, live), {
        numRuns,
        seed: testSeed,
        // Smaller counterexamples take time: `npm run torture` finds them.
        endOnFailure: !isTorture,
      });
    },
    5 * tortureTimeoutMs,
  );
});

/** Lives a history through: changes, a backup, a restore of it, five times; a reader that shares nothing looks each time. */
async function live(history: History): Promise<void> {
  const strange = serverOptions(history);
  const { exportArrays = false, exactIntegers = false } = strange;
  const plain = { exportArrays, exactIntegers };
  await using from = await startFirebaseServer(strange);
  // What the database is to hold: the same writes, and a server that refuses no read of the whole.
  await using witness = await startFirebaseServer(plain);
  const store = new MemoryStore();
  await initRepository(store);
  await using repository = await openRepository(store, { workers: 1 });
  const apply = async (change: Omit<Change, 'shape'>, json: string) => {
    for (const { url } of [from, witness]) await put(`${url}${change.place}`, json);
  };
  await apply({ place: '/always' }, ALWAYS_THERE);
  for (const [step, changes] of history.steps.entries()) {
    for (const change of changes) await apply(change, jsonOf(change.shape, history.scale));
    const { key } = await runBackup(repository, new FirebaseSource(optionsOf(history, from.url), {}), {
      signal: never,
    });
    await using to = await startFirebaseServer(plain);
    const target = new FirebaseTarget(optionsOf(history, to.url), {});
    const { comparison } = await restoreBackup(repository, key, target, { signal: never });
    const difference = differenceOf(await readWholeTree(witness.url), await readWholeTree(to.url));
    expect(difference, `backup ${step + 1}`).toBeUndefined();
    expect(comparison.filter(({ equal }) => !equal)).toEqual([]);
  }
}

function optionsOf({ scale }: History, url: string) {
  const options = parseFirebaseOptions(url, { firstPauseMs: 1, rereads: 0 }, {});
  return scale === 'real' ? options : { ...options, limits: LIMITS.small, probeBytes: SMALL_PROBE_BYTES };
}

async function put(place: string, json: string): Promise<void> {
  const answer = await fetch(`${place}.json?print=silent`, { method: 'PUT', body: json });
  if (answer.status !== 204) throw new Error(`PUT ${place}: ${answer.status} ${await answer.text()}`);
}
