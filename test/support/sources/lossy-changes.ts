import type { ChangeSource } from '../../../shared/sources/changes.ts';

/** The same changes of PostgreSQL without the inserts whose first value that is: cut out of the server's COPY by hand. */
export function without(source: ChangeSource, id: string): ChangeSource {
  return {
    begins: (signal) => source.begins(signal),
    release: (to, signal) => source.release(to, signal),
    [Symbol.asyncDispose]: () => source[Symbol.asyncDispose](),
    read: async (from, options) => {
      const batch = await source.read(from, options);
      return {
        from: batch.from,
        to: batch.to,
        isCut: batch.isCut,
        facts: () => batch.facts(),
        bytes: async function* () {
          const blocks: Buffer[] = [];
          for await (const block of batch.bytes()) blocks.push(Buffer.from(block));
          yield cut(Buffer.concat(blocks), id);
        },
      };
    },
  };
}

/** PostgreSQL's manual: COPY, "Binary Format"; "Logical Replication Message Formats", Insert. */
function cut(copy: Buffer, id: string): Buffer {
  const kept: Buffer[] = [copy.subarray(0, 19)];
  const wanted = Buffer.from(`t\0\0\0${String.fromCharCode(id.length)}${id}`, 'latin1');
  for (let at = 19; at < copy.length; ) {
    const start = at;
    const fields = copy.readInt16BE(at);
    at += 2;
    let isWanted = false;
    for (let i = 0; i < fields; i++) {
      const size = copy.readInt32BE(at);
      const field = copy.subarray(at + 4, at + 4 + Math.max(0, size));
      isWanted ||= i === fields - 1 && field[0] === 0x49 && field.includes(wanted);
      at += 4 + Math.max(0, size);
    }
    if (!isWanted) kept.push(copy.subarray(start, at));
  }
  return Buffer.concat(kept);
}
