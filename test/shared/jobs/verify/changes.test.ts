import { describe, expect, it } from 'vitest';
import { changesFolder, segmentKey } from '../../../../shared/format/change-keys.ts';
import { runBackup } from '../../../../shared/jobs/backup/backup.ts';
import { verifyBackups } from '../../../../shared/jobs/verify/verify.ts';
import { MemoryStore } from '../../../../shared/store/memory-store.ts';
import { LOGGED, pollOnce } from '../../../support/repository/change-chains.ts';
import { flipped, type Harm, harmed } from '../../../support/repository/damage.ts';
import { initRepository, never, openCheaply } from '../../../support/repository/engine.ts';
import { ChangeLog } from '../../../support/sources/change-log.ts';
import { loggedSource } from '../../../support/sources/logged-database.ts';

const folder = changesFolder(LOGGED);
const key = (number: number) => segmentKey(folder, number);

/** Five segments, a base after the second one; the third has packs of its own. */
async function made() {
  const store = new MemoryStore();
  await initRepository(store);
  const log = await ChangeLog.make();
  await using repository = await openCheaply(store, { level: 0 });
  for (let i = 1; i <= 5; i++) {
    log.write(i === 3 ? 'z'.repeat(3_000_000) : `${i}`);
    await pollOnce(repository, log.open());
    if (i === 2) await runBackup(repository, loggedSource(log), { type: 'daily', signal: never });
  }
  const part = await Array.fromAsync(store.list(`${folder}parts/`), (info) => info.key);
  return { store, part: part[0] ?? '' };
}

async function found(store: MemoryStore, harms: Readonly<Record<string, Harm>>): Promise<string[]> {
  await using repository = await openCheaply(await harmed(store, harms));
  const keys = await repository.backupKeys(never);
  const { findings } = await verifyBackups(repository, keys, {
    depth: { kind: 'full' },
    others: true,
    signal: never,
  });
  return findings.map(({ object }) => object);
}

describe('a full verification of everything', () => {
  it('reads the changes too, and names what is wrong with them', async () => {
    const { store, part } = await made();
    const body = (number: number) => store.get(key(number)).then((bytes) => Buffer.from(bytes));
    const [four] = [await body(4)];
    expect(await found(store, {})).toEqual([]);
    expect(await found(store, { [key(4)]: () => undefined })).toEqual([key(4)]);
    expect(await found(store, { [key(4)]: (bytes) => flipped(bytes, bytes.length - 40) })).toEqual([key(4)]);
    expect(await found(store, { [key(5)]: () => four })).toEqual([key(5)]);
    expect(await found(store, { [part]: () => undefined })).toEqual([key(3)]);
    expect(await found(store, { [part]: (bytes) => flipped(bytes, 1000) })).toEqual([key(3)]);
    // What the base says was there.
    const none = {
      [key(2)]: () => undefined,
      [key(3)]: () => undefined,
      [key(4)]: () => undefined,
      [key(5)]: () => undefined,
    };
    expect(await found(store, none)).toEqual([key(2)]);
    // Prune may have removed the oldest.
    expect(await found(store, { [key(1)]: () => undefined })).toEqual([]);
  });
});
