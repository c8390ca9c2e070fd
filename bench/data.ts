import { once } from 'node:events';
import { createWriteStream } from 'node:fs';
import { seededRandom as seeded } from '../test/support/rows.ts';

/**
 * Writes a table dump as COPY text: id, e-mail, name, time, amount, flag, a sentence; about 183 bytes a row.
 *
 * @param isChanged which rows have another amount, time and sentence than without it
 */
export async function writeTable(
  file: string,
  rowCount: number,
  isChanged: (row: number) => number,
): Promise<void> {
  const out = createWriteStream(file, { highWaterMark: 1 << 20 });
  let block = '';
  for (let id = 0; id < rowCount; id++) {
    block += tableRow(id, isChanged(id));
    if (block.length < 1 << 18) continue;
    if (!out.write(block)) await once(out, 'drain');
    block = '';
  }
  out.end(block);
  await once(out, 'close');
}

/** Used as often as words are (Zipf's law), so that text compresses about as text does. */
const WORDS = Array.from({ length: 20_000 }, (_, i) => {
  const random = seeded(i + 11);
  return Math.floor(random() * 36 ** (3 + random() * 5)).toString(36);
});

/** @param version 0 for the first form of the row */
function tableRow(id: number, version: number): string {
  const random = seeded(id * 2 + 1);
  const changed = version === 0 ? random : seeded(id * 7919 + version);
  const word = (from: () => number) => WORDS[Math.floor(20_000 ** from()) - 1] ?? '';
  const name = `${word(random)} ${word(random)}`;
  const email = `${word(random)}.${id}@example.org`;
  const amount = (changed() * 10_000).toFixed(2);
  const at = new Date(1_700_000_000_000 + Math.floor(changed() * 3e10)).toISOString();
  const text = Array.from({ length: 16 }, () => word(changed)).join(' ');
  return `${id}\t${name}\t${email}\t${at}\t${amount}\t${random() < 0.5 ? 't' : 'f'}\t${text}\n`;
}

/** 1 % of the rows, chosen anew for each version; others keep the version they had. */
export function churn(days: number): (row: number) => number {
  return (row) => {
    for (let day = days; day > 0; day--) {
      if (seeded(row * 31 + day * 1_000_003)() < 0.01) return day;
    }
    return 0;
  };
}
