import { describe, expect, it } from 'vitest';
import { copyMessages } from '../../../../../shared/sources/postgres/changes/copy-binary.ts';
import { decodeMessage } from '../../../../../shared/sources/postgres/changes/messages.ts';
import { momentOf } from '../../../../../shared/sources/postgres/changes/moments.ts';
import { changesName } from '../../../../../shared/sources/postgres/changes/names.ts';
import {
  comparePositions,
  formatLsn,
  formatPlace,
  parseLsn,
  parsePlace,
} from '../../../../../shared/sources/postgres/changes/position.ts';
import { StretchFilter } from '../../../../../shared/sources/postgres/changes/stretch-filter.ts';
import {
  decodeJoinState,
  encodeJoinState,
  isInBase,
  widen,
} from '../../../../../shared/sources/postgres/changes/transaction-ids.ts';

/** As section "Logical Replication Message Formats" of the manual has them, written here by hand. */
const begin = (commitLsn: bigint, xid: number, at = 0n) => {
  const bytes = Buffer.alloc(21);
  bytes.write('B');
  bytes.writeBigUInt64BE(commitLsn, 1);
  bytes.writeBigInt64BE(at, 9);
  bytes.writeUInt32BE(xid, 17);
  return bytes;
};
const commit = (commitLsn: bigint) => {
  const bytes = Buffer.alloc(26);
  bytes.write('C');
  bytes.writeBigUInt64BE(commitLsn, 2);
  bytes.writeBigUInt64BE(commitLsn + 40n, 10);
  return bytes;
};
const relation = Buffer.from('R\0\0\0\x07shop\0items\0d\0\x01\x01id\0\0\0\0\x17\xff\xff\xff\xff', 'latin1');
const insert = (text: string) => {
  const length = Buffer.alloc(4);
  length.writeUInt32BE(Buffer.byteLength(text));
  return Buffer.concat([Buffer.from('I\0\0\0\x07N\0\x01t', 'latin1'), length, Buffer.from(text)]);
};

/** As section "Binary Format" of the manual's page on COPY has it. */
function copyOf(messages: readonly Buffer[]): Buffer {
  const rows = messages.map((message) => {
    const header = Buffer.from('\0\x03\0\0\0\x08________\0\0\0\x04____\0\0\0\0', 'latin1');
    header.writeInt32BE(message.length, 22);
    return Buffer.concat([header, message]);
  });
  return Buffer.concat([
    Buffer.from('PGCOPY\n\xff\r\n\0\0\0\0\0\0\0\0\0', 'latin1'),
    ...rows,
    Buffer.from([255, 255]),
  ]);
}

async function* cut(bytes: Buffer, size: number): AsyncGenerator<Uint8Array> {
  for (let at = 0; at < bytes.length; at += size) yield bytes.subarray(at, at + size);
}

async function all(bytes: Buffer, size: number): Promise<readonly Buffer[]> {
  const found: Buffer[] = [];
  for await (const message of copyMessages(cut(bytes, size))) found.push(Buffer.from(message));
  return found;
}

const MESSAGES = [begin(100n, 7), relation, insert('1'), insert('x'.repeat(300)), commit(100n)];

describe('a segment of changes', () => {
  it.each([1, 2, 19, 27, 64, 100_000])('is the same messages in blocks of %d bytes', async (size) => {
    expect(await all(copyOf(MESSAGES), size)).toEqual(MESSAGES);
  });

  it('without bytes has no messages', async () => {
    expect(await all(Buffer.alloc(0), 10)).toEqual([]);
  });

  it('that ends early, wherever, is damaged', async () => {
    const bytes = copyOf(MESSAGES);
    for (let length = 1; length < bytes.length; length += 13)
      await expect(all(bytes.subarray(0, length), 50), String(length)).rejects.toMatchObject({
        code: 'E_DAMAGED',
      });
  });

  it('that goes on behind its end is damaged', async () => {
    const more = Buffer.concat([copyOf(MESSAGES), Buffer.from('x')]);
    for (const size of [1, 1000]) await expect(all(more, size)).rejects.toMatchObject({ code: 'E_DAMAGED' });
  });
});

describe('a stretch', () => {
  const stream = copyOf([
    begin(90n, 1),
    relation,
    insert('before'),
    commit(90n),
    begin(100n, 2, 1_000_000n),
    insert('first'),
    commit(100n),
    begin(149n, 3, 2_000_000n),
    insert('last'),
    commit(149n),
    begin(150n, 4),
    insert('behind'),
    commit(150n),
  ]);

  it.each([1, 7, 26, 47, 5000])(
    'has the transactions from its begin to before its end, in blocks of %d',
    async (size) => {
      const filter = new StretchFilter(100n, 150n);
      const out: Buffer[] = [];
      for await (const block of cut(stream, size))
        for (const piece of filter.push(block)) out.push(Buffer.from(piece));
      for (const piece of filter.end()) out.push(Buffer.from(piece));
      expect(await all(Buffer.concat(out), 11)).toEqual([
        relation,
        begin(100n, 2, 1_000_000n),
        insert('first'),
        commit(100n),
        begin(149n, 3, 2_000_000n),
        insert('last'),
        commit(149n),
      ]);
      expect(filter).toMatchObject({
        transactions: 2,
        firstCommit: '2000-01-01T00:00:01.000000Z',
        lastCommit: '2000-01-01T00:00:02.000000Z',
      });
    },
  );

  it('without a transaction has no bytes', () => {
    const filter = new StretchFilter(200n, 300n);
    expect([...filter.push(stream), ...filter.end()]).toEqual([]);
    expect(filter.transactions).toBe(0);
  });

  it('that the server did not end is damaged', () => {
    const filter = new StretchFilter(0n, 300n);
    filter.push(stream.subarray(0, -2));
    expect(() => filter.end()).toThrow(expect.objectContaining({ code: 'E_DAMAGED' }));
  });
});

describe('a message', () => {
  it('that is cut off anywhere is damaged', () => {
    for (const message of MESSAGES)
      for (let length = 0; length < message.length; length++) {
        // A BEGIN and a COMMIT say nothing behind what is read.
        if (message[0] === 0x43 && length >= 10) continue;
        expect(() => decodeMessage(message.subarray(0, length)), String(length)).toThrow(
          expect.objectContaining({ code: 'E_DAMAGED' }),
        );
      }
  });

  it('of an update says the old key, and what is unchanged', () => {
    const update = Buffer.from('U\0\0\0\x07K\0\x02t\0\0\0\x01an\x4e\0\x02t\0\0\0\x01bu', 'latin1');
    expect(decodeMessage(update)).toEqual({
      kind: 'update',
      relationId: 7,
      before: ['a', null],
      after: ['b', undefined],
    });
  });
});

describe('a position', () => {
  it('sorts as the log goes, and as text', () => {
    const places = [0n, 1n, 0xffff_ffffn, 0x1_0000_0000n, 0xfedc_ba98_7654_3210n];
    const texts = places.map((lsn) => formatPlace({ system: '7412345678901234567', timeline: 3, lsn }));
    expect(texts.toSorted()).toEqual(texts);
    expect(texts.toSorted(comparePositions)).toEqual(texts);
    expect(texts.map((text) => parsePlace(text).lsn)).toEqual(places);
  });

  it.each(['', '1-2-3', '1-1-00000000016b3748', 'x-1-00000000016B3748'])('%j is none', (text) => {
    expect(() => parsePlace(text)).toThrow(expect.objectContaining({ code: 'E_DAMAGED' }));
  });

  it('is read and written as the server does', () => {
    for (const text of ['0/0', '0/16B3748', '1A/FF', 'FFFFFFFF/FFFFFFFF'])
      expect(formatLsn(parseLsn(text))).toBe(text);
  });
});

describe('the transactions of a base', () => {
  const snapshot = decodeJoinState(encodeJoinState('4294967290:4294967300:4294967292,4294967298'));

  it.each([
    [4_294_967_289, true],
    [4_294_967_290, true],
    [4_294_967_292, false],
    // Behind the turn of the ids.
    [1, true],
    [2, false],
    [4, false],
    [1000, false],
    [3_000_000_000, true],
  ])('%d is in it: %s', (xid, isIn) => {
    expect(isInBase(snapshot, xid)).toBe(isIn);
  });

  it('have ids of 64 bits', () => {
    expect(widen(5, 2n ** 33n)).toBe(2n ** 33n + 5n);
    expect(widen(4_294_967_295, 2n ** 33n)).toBe(2n ** 33n - 1n);
    expect(widen(3, 3n)).toBe(3n);
  });

  it.each(['', '{}', '{"snapshot":"1:2"}', '{"snapshot":"1:2:x"}'])('%j does not say them', (text) => {
    expect(() => decodeJoinState(text)).toThrow(expect.objectContaining({ code: 'E_DAMAGED' }));
  });
});

it('moments have microseconds', () => {
  expect(momentOf(0n)).toBe('2000-01-01T00:00:00.000000Z');
  expect(momentOf(849_345_330_000_001n)).toBe('2026-11-30T09:15:30.000001Z');
  expect(momentOf(-1n)).toBe('1999-12-31T23:59:59.999999Z');
});

it('slots are named after their databases, whatever those are called', () => {
  expect(changesName({ slot: undefined, database: 'shop' })).toBe('holdfast_shop');
  expect(changesName({ slot: 'mine', database: 'shop' })).toBe('mine');
  const names = ['Shop', 'sh op', 'sh-op', 'ü'.repeat(70), 'x'.repeat(63)].map((database) =>
    changesName({ slot: undefined, database }),
  );
  expect(new Set(names).size).toBe(names.length);
  for (const name of names) expect(name).toMatch(/^[a-z0-9_]{1,63}$/);
});
