import { describe, expect, it } from 'vitest';
import { recordsFrom } from '../../../../shared/jobs/inside/records-from.ts';
import { type RowPosition, readRowsPage } from '../../../../shared/jobs/inside/rows-page.ts';
import { shownFields } from '../../../../shared/jobs/inside/shown-fields.ts';
import type { BackupReader } from '../../../../shared/repository/reading/backup-reader.ts';
import { MemoryStore } from '../../../../shared/store/memory-store.ts';
import { backUp, initRepository, never, openCheaply } from '../../../support/repository/engine.ts';
import { seededRandom } from '../../../support/repository/rows.ts';
import { cases, testSeed } from '../../../support/repository/torture.ts';

/** Records of all lengths: some are larger than a chunk may be, some chunks hold hundreds. */
function someRecords(random: () => number): readonly string[] {
  return Array.from({ length: 3000 }, (_, i) => {
    const length = random() < 0.004 ? 40_000 : random() < 0.1 ? 900 : Math.floor(random() * 40);
    return `${i} ${'x'.repeat(length)}`;
  });
}

async function withBackup(records: readonly string[], work: (reader: BackupReader) => Promise<void>) {
  const store = new MemoryStore();
  await initRepository(store);
  await using repository = await openCheaply(store);
  const { key } = await backUp(repository, { lines: records.map((one) => `${one}\n`).join('') });
  await work(await repository.openBackup(key, never));
}

describe('a page of rows', () => {
  it('begins at any record, whatever chunks and records begin and end there', async () => {
    const random = seededRandom(testSeed);
    const records = someRecords(random);
    await withBackup(records, async (reader) => {
      const long = records.flatMap((one, i) => (one.length > 20_000 ? [i, i + 1] : []));
      const random100 = Array.from({ length: cases(20, 60, 3000) }, () =>
        Math.floor(random() * records.length),
      );
      for (const skipped of [
        0,
        1,
        records.length - 1,
        records.length,
        records.length + 9,
        ...long,
        ...random100,
      ]) {
        const part = { dataset: 'lines', partition: '0000', skipped };
        const found: string[] = [];
        for await (const record of recordsFrom(reader, part, never)) {
          found.push(Buffer.from(record).toString());
          if (found.length === 3) break;
        }
        expect([skipped, found]).toEqual([skipped, records.slice(skipped, skipped + 3)]);
      }
    });
  });

  it('and those after it give every row once, in order, also when the time of each is over at once', async () => {
    const records = someRecords(seededRandom(testSeed + 1));
    await withBackup(records, async (reader) => {
      for (const mostMs of [0, undefined]) {
        const found: string[] = [];
        let from: RowPosition | undefined;
        let pages = 0;
        do {
          const page = await readRowsPage(reader, {
            limit: 200,
            from,
            mostMs,
            where: ['record ~ 7'],
            signal: never,
          });
          expect(page.searched).toBeGreaterThan(0);
          found.push(...page.rows.map(({ values }) => String(values[0]).split(' ')[0] ?? ''));
          from = page.next;
          pages++;
        } while (from);
        expect(found).toEqual(
          records.map((one) => one.split(' ')[0] ?? '').filter((one) => one.includes('7')),
        );
        expect(pages).toBeGreaterThan(mostMs === 0 ? 40 : 3);
      }
    });
  });

  it('ends with the row that makes it large, and says of values how long they are', async () => {
    const records = Array.from({ length: 2000 }, (_, i) => `${i} ${'ü'.repeat(3000)}`);
    await withBackup(records, async (reader) => {
      const page = await readRowsPage(reader, { limit: 1000, signal: never });
      expect(page.rows.length).toBeLessThan(300);
      expect(page.rows[0]).toMatchObject({ cut: [{ column: 0, characters: 3002 }] });
      expect(page.rows[0]?.values[0]).toHaveLength(2000);
      const alone = await readRowsPage(reader, { limit: 1, from: page.next, signal: never });
      expect(alone.rows).toMatchObject([{ values: [records[page.rows.length]], cut: [] }]);
    });
  });

  it('cuts no character in two', () => {
    expect(shownFields(['ab😀', 'abc😀', null], 3).values).toEqual(['ab', 'abc', null]);
  });
});
