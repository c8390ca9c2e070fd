import { describe, expect, it } from 'vitest';
import { changesFolder, segmentKey } from '../../../../shared/format/change-keys.ts';
import { runBackup } from '../../../../shared/jobs/backup/backup.ts';
import { chooseMoment } from '../../../../shared/jobs/changes/choose-moment.ts';
import { chooseBeforeTransaction } from '../../../../shared/jobs/changes/find-transaction.ts';
import { restoreMoment } from '../../../../shared/jobs/changes/restore-moment.ts';
import { readTimeline } from '../../../../shared/jobs/changes/timeline.ts';
import type { Repository } from '../../../../shared/repository/repository.ts';
import type { ReplayUntil } from '../../../../shared/sources/changes.ts';
import { FilesTarget } from '../../../../shared/sources/files/target.ts';
import { MemoryStore } from '../../../../shared/store/memory-store.ts';
import { LOGGED, pollOnce } from '../../../support/repository/change-chains.ts';
import { initRepository, never, openCheaply } from '../../../support/repository/engine.ts';
import { seededRandom } from '../../../support/repository/rows.ts';
import { cases, testSeed } from '../../../support/repository/torture.ts';
import { ChangeLog } from '../../../support/sources/change-log.ts';
import {
  compare,
  decoder,
  loggedSource,
  replayInto,
  tableIn,
} from '../../../support/sources/logged-database.ts';
import { newFolder } from '../../../support/temporary.ts';

async function begin() {
  const store = new MemoryStore();
  await initRepository(store);
  return { store, log: await ChangeLog.make(), repository: await openCheaply(store) };
}

const backUp = (repository: Repository, log: ChangeLog, hidden = 0) =>
  runBackup(repository, loggedSource(log, { hidden }), { type: 'daily', signal: never });

/** Restores a moment into a folder, and says what its table holds. */
async function restored(
  repository: Repository,
  until: ReplayUntil,
  { folder, diesAfter }: { readonly folder?: string; readonly diesAfter?: number } = {},
): Promise<string> {
  const wanted = { source: LOGGED, compare, signal: never };
  const { beforeTransaction } = until;
  const chosen = await (beforeTransaction === undefined
    ? chooseMoment(repository, { ...wanted, until })
    : chooseBeforeTransaction(repository, beforeTransaction, { ...wanted, decoder }));
  const into = folder ?? (await newFolder());
  const to = {
    target: new FilesTarget(into),
    compare,
    openReplay: async (options: Parameters<typeof replayInto>[1]) =>
      replayInto(into, options, diesAfter === undefined ? {} : { diesAfter }),
  };
  await restoreMoment(repository, chosen, to, { signal: never });
  return tableIn(into);
}

/** What the writer knows that the database held then. */
const heldAt = (log: ChangeLog, at: string) =>
  log.written
    .filter((one) => one.at <= at)
    .map(({ line }) => line)
    .join('');

/** The lines of the first transactions. */
const linesTo = (log: ChangeLog, count: number) =>
  log.written
    .slice(0, count)
    .map(({ line }) => line)
    .join('');

/** A day: bases, some of which lack transactions that the log has already, and polls between the transactions. */
async function day(log: ChangeLog, repository: Repository, seed: number): Promise<string[]> {
  const random = seededRandom(seed);
  const moments: string[] = [];
  log.write('before everything');
  await pollOnce(repository, log.open());
  await backUp(repository, log);
  for (let i = 0; i < 60; i++) {
    const dice = random();
    if (dice < 0.55) log.write(`${i} ${'v'.repeat(random() * 300)}`);
    else if (dice < 0.9)
      await pollOnce(repository, log.open(), { stepBytes: 200 + random() * 2000, idleMs: 500 });
    else if (dice < 0.95) await backUp(repository, log, Math.floor(random() * 3));
    else log.crash();
    if (random() < 0.1) log.checkpoint();
    log.wait(random() * 2000);
    moments.push(log.now);
  }
  log.wait(1000);
  await pollOnce(repository, log.open(), { idleMs: 500 });
  return moments;
}

describe('a restore of a moment', () => {
  it('gives back what the database held then, at random moments of random days', async () => {
    for (let i = 0; i < cases(2, 6, 60); i++) {
      const { log, repository } = await begin();
      const seed = testSeed * 1000 + i;
      const moments = await day(log, repository, seed);
      const random = seededRandom(seed + 1);
      for (let n = 0; n < 10; n++) {
        const at = moments[Math.floor(random() * moments.length)] ?? '';
        expect(await restored(repository, { at }), `seed ${seed}, ${at}`).toBe(heldAt(log, at));
      }
      expect(await restored(repository, {}), `seed ${seed}, latest`).toBe(heldAt(log, log.now));
      await repository[Symbol.asyncDispose]();
    }
  });

  it('stops just before a transaction', async () => {
    const { log, repository } = await begin();
    await day(log, repository, 7);
    for (const { id, at } of log.written.slice(1)) {
      if (id % 5 !== 0) continue;
      const before = log.written.filter((one) => one.at < at).map(({ line }) => line);
      expect(await restored(repository, { beforeTransaction: String(id) }), `${id}`).toBe(before.join(''));
    }
    await expect(restored(repository, { beforeTransaction: '12345' })).rejects.toMatchObject({
      code: 'E_NO_MOMENT',
    });
  });

  it('stops just before a transaction of the moment in which its base was made', async () => {
    const { log, repository } = await begin();
    log.write('a');
    await pollOnce(repository, log.open());
    log.write('in the base');
    await backUp(repository, log);
    // Each write takes a second.
    log.wait(-1000);
    log.write('b');
    log.wait(-1000);
    log.write('c');
    await pollOnce(repository, log.open(), { idleMs: 0 });
    const [, inBase, , last] = log.written;
    expect(inBase?.at).toBe(last?.at);
    expect(await restored(repository, { beforeTransaction: '3' })).toBe(linesTo(log, 2));
    expect(await restored(repository, { beforeTransaction: '4' })).toBe(linesTo(log, 3));
    await expect(restored(repository, { beforeTransaction: '2' })).rejects.toMatchObject({
      code: 'E_NO_MOMENT',
      message: expect.stringContaining('the moment before transaction 2'),
    });
  });

  it('goes on where it broke off, and refuses to end at another moment', async () => {
    const { log, repository } = await begin();
    log.write('a');
    await pollOnce(repository, log.open());
    await backUp(repository, log);
    for (const text of ['b', 'c', 'd', 'e', 'f']) {
      log.write(text);
      await pollOnce(repository, log.open());
    }
    const folder = await newFolder();
    const at = log.written[4]?.at ?? '';
    for (const diesAfter of [0, 1, 2])
      await expect(restored(repository, { at }, { folder, diesAfter })).rejects.toMatchObject({
        code: 'E_SOURCE_LOST',
      });
    const earlier = restored(repository, { at: log.written[2]?.at ?? '' }, { folder });
    await expect(earlier).rejects.toMatchObject({ code: 'E_TARGET_NOT_EMPTY' });
    expect(await restored(repository, { at }, { folder })).toBe(heldAt(log, at));
  });

  it('is refused for moments that nothing reaches, and says why', async () => {
    const { log, repository } = await begin();
    await expect(restored(repository, {})).rejects.toThrow('no changes of logged are stored');
    log.write('a');
    await backUp(repository, log);
    await pollOnce(repository, log.open());
    const early = log.now;
    await expect(restored(repository, {})).rejects.toMatchObject({ code: 'E_NO_MOMENT' });
    log.write('b');
    await backUp(repository, log);
    await expect(restored(repository, { at: early })).rejects.toThrow('no earlier backup');
    log.write('c');
    await pollOnce(repository, log.open());
    log.wait(60_000);
    await expect(restored(repository, { at: log.now })).rejects.toThrow('do not reach');
    expect(await restored(repository, {})).toBe(heldAt(log, log.now));
  });

  it('is refused over a gap, and over definitions that the changes do not have', async () => {
    const { log, repository } = await begin();
    const poll = () => pollOnce(repository, log.open(), { idleMs: 0 });
    log.write('a');
    await poll();
    await backUp(repository, log);
    log.write('b');
    await poll();
    const before = log.now;
    log.write('lost');
    log.lose();
    log.write('c');
    await poll();
    const after = log.now;
    expect(await restored(repository, { at: before })).toBe(heldAt(log, before));
    await expect(restored(repository, { at: after })).rejects.toThrow('are lost');
    expect(await readTimeline(repository, { source: LOGGED, signal: never })).toMatchObject({
      baseDue: expect.stringContaining('are lost'),
      breaks: [{ why: 'gap' }],
      ranges: [{ to: before }],
    });
    await backUp(repository, log);
    log.write('d');
    await poll();
    expect(await restored(repository, {})).toBe(heldAt(log, log.now));
    log.schema = 'two';
    log.write('e');
    await poll();
    await expect(restored(repository, {})).rejects.toThrow('table definitions changed');
    await backUp(repository, log);
    log.write('f');
    await poll();
    expect(await restored(repository, {})).toBe(heldAt(log, log.now));
    const { baseDue, breaks, ranges } = await readTimeline(repository, { source: LOGGED, signal: never });
    expect([baseDue, breaks.map(({ why }) => why), ranges.length]).toEqual([
      undefined,
      ['definitions', 'gap'],
      3,
    ]);
  });

  it('is refused before anything is written if a segment is missing', async () => {
    const { store, log, repository } = await begin();
    log.write('a');
    await pollOnce(repository, log.open());
    await backUp(repository, log);
    for (const text of ['b', 'c', 'd']) {
      log.write(text);
      await pollOnce(repository, log.open());
    }
    for (const number of [2, 3, 4]) {
      const gone = segmentKey(changesFolder(LOGGED), number);
      const copy = new MemoryStore();
      for await (const { key } of store.list('')) if (key !== gone) await copy.put(key, await store.get(key));
      await using damaged = await openCheaply(copy);
      const folder = await newFolder();
      if (number === 4)
        await expect(restored(damaged, { at: log.now }, { folder })).rejects.toThrow('do not reach');
      else await expect(restored(damaged, {}, { folder })).rejects.toThrow(`${gone} is missing`);
      await expect(tableIn(folder)).rejects.toThrow('ENOENT');
    }
  });
});
