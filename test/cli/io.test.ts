import { Writable } from 'node:stream';
import { describe, expect, it } from 'vitest';
import { writeTexts } from '../../cli/io.ts';

/** What is written, call by call. */
function recording() {
  const blocks: string[] = [];
  const stream = new Writable({
    write(chunk: Buffer, _encoding, done) {
      blocks.push(String(chunk));
      done();
    },
  });
  return { blocks, stream };
}

async function* lines(count: number, error?: Error): AsyncGenerator<string> {
  for (let i = 0; i < count; i++) yield `line ${i}, ü\n`;
  if (error) throw error;
}

const textOf = async (texts: AsyncIterable<string>) => (await Array.fromAsync(texts)).join('');

describe('texts that are data', () => {
  it('are written in their order, many lines at once', async () => {
    const { blocks, stream } = recording();
    await writeTexts(stream, lines(20_000));
    expect(blocks.join('')).toBe(await textOf(lines(20_000)));
    expect(blocks.length).toBeLessThan(10);
  });

  it('are written as far as they came if there is an error', async () => {
    const { blocks, stream } = recording();
    await expect(writeTexts(stream, lines(7000, new Error('damaged')))).rejects.toThrow('damaged');
    expect(blocks.join('')).toBe(await textOf(lines(7000)));
  });

  it('are nothing if there are none', async () => {
    const { blocks, stream } = recording();
    await writeTexts(stream, lines(0));
    expect(blocks).toEqual([]);
  });

  it('end with the error of the stream, which is not written to again', async () => {
    let calls = 0;
    const stream = new Writable({
      write(_chunk, _encoding, done) {
        calls++;
        done(Object.assign(new Error('full'), { code: 'ENOSPC' }));
      },
    });
    stream.on('error', () => {});
    await expect(writeTexts(stream, lines(20_000))).rejects.toMatchObject({ code: 'E_TARGET_FULL' });
    expect(calls).toBe(1);
  });
});
