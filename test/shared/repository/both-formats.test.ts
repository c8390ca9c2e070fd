import { expect, it } from 'vitest';
import { upgradeRepository } from '../../../shared/jobs/keys/upgrade.ts';
import { verifyBackups } from '../../../shared/jobs/verify/verify.ts';
import { MemoryStore } from '../../../shared/store/memory-store.ts';
import {
  backUp,
  digests,
  digestsOf,
  initRepository,
  never,
  openCheaply,
  SMALL_CHUNKS,
} from '../../support/repository/engine.ts';
import { listedPacks } from '../../support/repository/listed.ts';
import { seededRows } from '../../support/repository/rows.ts';

it('packs of both versions, each read by its header, where a repository was upgraded between two backups', async () => {
  const store = new MemoryStore();
  await initRepository(store, SMALL_CHUNKS, { version: 1 });
  await using repository = await openCheaply(store);
  const rows = seededRows(3000, 1);
  const changed = (every: number) =>
    rows.map((row, i) => (i % every === 3 ? row.replace('\t', `\t${every}`) : row)).join('');
  const days = [rows.join(''), changed(100), changed(90)].map((t) => ({ 'pre-data': 'x;\n', t }));
  const keys = [];
  for (const [day, data] of days.entries()) {
    if (day === 1) await upgradeRepository(repository, never);
    const { key, storedBytes } = await backUp(repository, data);
    // What did not change is not stored again for the change of format, and what did is a difference.
    if (day > 0) expect(storedBytes).toBeLessThan(rows.join('').length / 8);
    keys.push(key);
  }
  const last = keys.at(-1);
  if (!last) throw new Error('no backup');
  const versions = new Map<number | undefined, number>();
  for (const { id } of await listedPacks(repository, last)) {
    const version = (await store.get(`data/${id.slice(0, 2)}/${id}`))[4];
    versions.set(version, (versions.get(version) ?? 0) + 1);
  }
  expect(versions.get(1)).toBeGreaterThan(0);
  expect(versions.get(2)).toBeGreaterThan(0);
  const { findings } = await verifyBackups(repository, keys, { depth: { kind: 'full' }, signal: never });
  expect(findings).toEqual([]);
  for (const [i, key] of keys.entries())
    expect(await digests(repository, key)).toEqual(digestsOf(days[i] ?? {}));
});
