import { randomBytes } from 'node:crypto';
import { expect, it } from 'vitest';
import { KiB } from '../../../shared/core/units.ts';
import { CODEC } from '../../../shared/format/codec.ts';
import { DEFAULT_CHUNKER } from '../../../shared/format/repository-file.ts';
import { verifyBackups } from '../../../shared/jobs/verify/verify.ts';
import { TableChoice } from '../../../shared/repository/codec/table-choice.ts';
import { MemoryStore } from '../../../shared/store/memory-store.ts';
import {
  backUp,
  type Data,
  digests,
  digestsOf,
  initRepository,
  never,
  openCheaply,
  SMALL_CHUNKS,
} from '../../support/repository/engine.ts';
import { seededRandom } from '../../support/repository/rows.ts';

const random = seededRandom(5);
const time = () =>
  new Date(1.7e12 + Math.floor(random() * 3e10)).toISOString().slice(0, 19).replace('T', ' ');
const rows = Array.from(
  { length: 8000 },
  (_, id) =>
    `${id}\t${Math.floor(random() * 1e9)}\t${(random() * 1000).toFixed(2)}\t${time()}+00\t${id % 9 ? 't' : '\\N'}\n`,
);
const changed = rows.map((row, id) => (id % 100 === 7 ? row.replace('\t', '\t7') : row));

/** What each backup stores of these data, one after the other, when all of it was read back. */
async function stored(version: 1 | 2, days: readonly Data[], chunker = DEFAULT_CHUNKER): Promise<number[]> {
  const store = new MemoryStore();
  await initRepository(store, chunker, { version });
  await using repository = await openCheaply(store, { packBytes: undefined });
  const bytes: number[] = [];
  for (const data of days) {
    const { key } = await backUp(repository, data, { allowEmpty: true });
    expect(await digests(repository, key)).toEqual(digestsOf(data));
    bytes.push((await repository.readManifest(key, never)).totals.storedBytes);
  }
  const keys = await repository.backupKeys(never);
  const report = await verifyBackups(repository, keys, { depth: { kind: 'full' }, signal: never });
  expect(report.findings).toEqual([]);
  return bytes;
}

it('stores tables as columns in format 2, which takes less', async () => {
  const days = [rows, changed].map((table) => ({ table: table.join('') }));
  const [first = 0, next = 0] = await stored(2, days);
  const [firstRows = 0, nextRows = 0] = await stored(1, days);
  expect(first).toBeLessThan(0.8 * firstRows);
  // Small packs of format 2 are padded to 4 KiB.
  expect(next).toBeLessThan(1.2 * nextRows + 24 * KiB);
});

it('stores what is no table, or not all of it, as before', async () => {
  const data = {
    'pre-data': 'CREATE TABLE t ();\n',
    table: rows.slice(0, 2000).join(''),
    noise: Buffer.concat([randomBytes(60_000), Buffer.from('\n')]),
    prose: rows
      .slice(0, 1000)
      .map((row) => `${row.replaceAll('\t', ' ').slice(0, -1)} and so on\n`)
      .join(''),
    ragged: rows
      .slice(0, 1000)
      .map((row, id) => (id % 50 ? row : `one more\t${row}`))
      .join(''),
  };
  await stored(2, [data, { ...data, table: changed.slice(0, 2000).join('') }], SMALL_CHUNKS);
});

it('does not go by what became of a few lines before', () => {
  const lines = (count: number) =>
    Buffer.from(
      rows
        .slice(0, count)
        .map((row, id) => `${JSON.stringify({ id, row })}\n`)
        .join(''),
    );
  const choice = new TableChoice(3);
  // Too few for shapes to be worth it.
  expect(choice.encode(lines(10))?.[0]).not.toBe(CODEC.shapes);
  expect(choice.encode(lines(2000))?.[0]).toBe(CODEC.shapes);
  expect(choice.encode(lines(2000))?.[0]).toBe(CODEC.shapes);
});
