import { once } from 'node:events';
import { createReadStream, createWriteStream } from 'node:fs';
import { pipeline } from 'node:stream/promises';
import { seededRandom } from '../../test/support/repository/rows.ts';

const NEWLINE = 0x0a;
const BLOCK_BYTES = 1 << 20;

/** Writes `count` lines; each ends in a newline. */
export async function writeLines(
  file: string,
  count: number,
  lineOf: (index: number) => string,
  { append = false }: { readonly append?: boolean } = {},
): Promise<void> {
  const out = createWriteStream(file, { flags: append ? 'a' : 'w', highWaterMark: BLOCK_BYTES });
  let block = '';
  for (let index = 0; index < count; index++) {
    block += lineOf(index);
    if (block.length < BLOCK_BYTES / 4) continue;
    if (!out.write(block)) await once(out, 'drain');
    block = '';
  }
  out.end(block);
  await once(out, 'close');
}

/** What a line becomes; undefined leaves it. `text` reads it, newline included. */
export type Change = (index: number, text: () => string) => string | undefined;

/** Copies a file with some lines changed. */
export async function rewrite(from: string, to: string, change: Change): Promise<void> {
  await pipeline(rewritten(from, change), createWriteStream(to, { highWaterMark: BLOCK_BYTES }));
}

async function* rewritten(from: string, change: Change): AsyncGenerator<Buffer> {
  let index = 0;
  let rest = Buffer.alloc(0);
  for await (const block of createReadStream(from, { highWaterMark: BLOCK_BYTES })) {
    const bytes = Buffer.concat([rest, block]);
    const pieces: Buffer[] = [];
    let taken = 0;
    let start = 0;
    for (let end = bytes.indexOf(NEWLINE); end >= 0; end = bytes.indexOf(NEWLINE, start)) {
      const [first, next] = [start, end + 1];
      const line = change(index++, () => bytes.toString('utf8', first, next));
      if (line !== undefined) {
        pieces.push(bytes.subarray(taken, first), Buffer.from(line));
        taken = next;
      }
      start = next;
    }
    yield Buffer.concat([...pieces, bytes.subarray(taken, start)]);
    rest = bytes.subarray(start);
  }
  yield rest;
}

/** Lines of a file that `isWanted` picks, in order. */
export async function pickLines(file: string, isWanted: (index: number) => boolean): Promise<string[]> {
  const picked: string[] = [];
  const pick: Change = (index, text) => {
    if (isWanted(index)) picked.push(text());
    return undefined;
  };
  for await (const _ of rewritten(file, pick));
  return picked;
}

/** True for 1 % of the lines, others on each day. */
export function isChanged(index: number, day: number): boolean {
  return seededRandom(index * 31 + day * 1_000_003)() < 0.01;
}
