import { expect, it } from 'vitest';
import { readGrowth } from '../../cli/describe-growth.ts';
import { DAY_MS, MiB } from '../../shared/core/units.ts';
import { MemoryStore } from '../../shared/store/memory-store.ts';
import { initRepository, never, openCheaply } from '../support/repository/engine.ts';
import { ManualClock } from '../support/repository/pruning.ts';

const NOW = '2026-11-29T12:00:00Z';
const price = { perGibMonth: 0.023, currency: 'USD', of: 'S3 Standard in us-east-1, November 2026' };

it('says how a repository grows and what storing costs, in lines that fit 80 columns, or why nobody can say', async () => {
  const clock = new ManualClock(NOW);
  const store = new MemoryStore(clock);
  await initRepository(store);
  await using repository = await openCheaply(store, { clock });
  const days = (count: number) =>
    Array.from({ length: count }, (_, i) => ({
      date: new Date(Date.parse(NOW) - (count - 1 - i) * DAY_MS).toISOString().slice(0, 10),
      bytes: 10 * MiB,
    }));
  const packed = { packedDays: days(60), packBytes: 600 * MiB };
  const { text, forecast } = await readGrowth(repository, packed, { price, signal: never });
  expect(forecast).toMatchObject({ bytesPerDay: 10 * MiB, days: 60 });
  expect(text.replaceAll(/\s+/g, ' ')).toContain('growth grows by about 300.0 MiB a month');
  expect(text.replaceAll(/\s+/g, ' ')).toContain('1.00 GiB about 10 January 2027');
  expect(text.replaceAll(/\s+/g, ' ')).toContain('costs $0.013 a month now');
  for (const line of text.split('\n')) expect(line.length).toBeLessThanOrEqual(80);
  const few = await readGrowth(
    repository,
    { packedDays: days(3), packBytes: 30 * MiB },
    { price: undefined, signal: never },
  );
  expect(few.forecast).toBeNull();
  expect(few.text).toMatch(/^growth +no forecast: sizes are known for 3 days/);
  expect(few.text).not.toContain('costs');
});
