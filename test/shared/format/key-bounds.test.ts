import { createHash } from 'node:crypto';
import { describe, expect, it } from 'vitest';
import { type KeyField, keyFieldsOf, keyIdOf } from '../../../shared/core/key-fields.ts';
import {
  decodeBounds,
  decodeBoundsList,
  encodeBounds,
  encodeBoundsList,
} from '../../../shared/format/bounds-item.ts';
import { boundsOf, type ChunkBounds, formOfValue, scanRecords } from '../../../shared/format/key-bounds.ts';
import { KeyRanges } from '../../../shared/format/key-ranges.ts';
import { PackNames } from '../../../shared/format/tree.ts';
import { type KeyShape, recordsOf, someKey, someTable } from '../../support/repository/keyed-source.ts';
import { seededRandom } from '../../support/repository/rows.ts';
import { cases, testSeed } from '../../support/repository/torture.ts';

const SHAPES: readonly KeyShape[] = ['n', 't', 'nt', 'tn'];
const fieldsOf = (shape: KeyShape): readonly KeyField[] =>
  [...shape].map((kind, place) => ({
    place,
    name: `c${place}`,
    type: kind,
    form: kind === 'n' ? 'integer' : 'text',
  }));
const scan = (records: string, shape: KeyShape) => scanRecords(Buffer.from(records), fieldsOf(shape));
const integer = { form: 'integer' } as const;
const text = { form: 'text' } as const;
const form = (value: string | bigint) => formOfValue(String(value), integer) ?? Buffer.alloc(0);
const within = ({ least, greatest }: ChunkBounds, key: Buffer) =>
  Buffer.compare(least, key) <= 0 && Buffer.compare(key, greatest) <= 0;

describe('the canonical form of a key', () => {
  it('orders whole numbers as they are', () => {
    const numbers = [
      0n,
      1n,
      -1n,
      255n,
      256n,
      -256n,
      2n ** 53n,
      -(2n ** 53n) - 1n,
      2n ** 63n - 1n,
      -(2n ** 63n),
    ];
    const sorted = numbers.toSorted((a, b) => (a < b ? -1 : Number(a > b)));
    expect(numbers.toSorted((a, b) => Buffer.compare(form(a), form(b)))).toEqual(sorted);
  });

  it('is the same for all texts of a whole number, and is not there for what is none', () => {
    for (const same of ['42', '+42', '042', '42.', '42.000'])
      expect(formOfValue(same, integer)).toEqual(form('42'));
    expect(form('-0')).toEqual(form('0'));
    for (const none of ['42.5', '4e1', 'NaN', '', ' 42', '9223372036854775808', '-9223372036854775809'])
      expect([none, formOfValue(none, integer)]).toEqual([none, undefined]);
  });

  it('is not there for texts that may be stored in another way', () => {
    for (const none of ['a\\b', 'tab\there', 'ü', '\0']) expect(formOfValue(none, text)).toBe(undefined);
    expect(formOfValue('', text)).toEqual(Buffer.from([0, 0]));
  });
});

describe('least and greatest keys', () => {
  it('hold every key of the records, and are keys of them as far as they fit', () => {
    const random = seededRandom(testSeed);
    for (let i = 0; i < cases(200, 2000, 20_000); i++) {
      const shape = SHAPES[i % 4] ?? 'n';
      const table = someTable(shape, 1 + Math.floor(random() * 30), random);
      const { records, bounds } = scan(recordsOf(table), shape);
      expect(records).toBe(table.rows.length);
      if (!bounds) {
        // A text that begins with 32 bytes of ff has none behind it, and these are not UTF-8.
        throw new Error(`no bounds of ${JSON.stringify(table)}`);
      }
      expect(bounds.least.length).toBeLessThanOrEqual(32);
      expect(bounds.greatest.length).toBeLessThanOrEqual(32);
      // Each record alone has the same bounds twice, cut or not: the judge of the whole.
      const alone = table.rows.map((row) => scan(recordsOf({ shape, rows: [row] }), shape).bounds);
      const least = alone.map((one) => Buffer.from(one?.least ?? [])).toSorted(Buffer.compare)[0];
      const greatest = alone
        .map((one) => Buffer.from(one?.greatest ?? []))
        .toSorted(Buffer.compare)
        .at(-1);
      expect(Buffer.from(bounds.least)).toEqual(least);
      expect(Buffer.from(bounds.greatest)).toEqual(greatest);
    }
  });

  it('are those that a plain sort of numbers gives', () => {
    const random = seededRandom(testSeed + 1);
    for (let i = 0; i < cases(100, 1000, 10_000); i++) {
      const { rows } = someTable('n', 1 + Math.floor(random() * 40), random);
      const sorted = rows.map(([key = '0']) => BigInt(key)).sort((a, b) => (a < b ? -1 : Number(a > b)));
      const { bounds } = scan(recordsOf({ shape: 'n', rows }), 'n');
      expect(Buffer.from(bounds?.least ?? [])).toEqual(form(sorted[0] ?? 0n));
      expect(Buffer.from(bounds?.greatest ?? [])).toEqual(form(sorted.at(-1) ?? 0n));
    }
  });

  it.each([
    ['of no record', ''],
    ['of NULL', '1\t\\N\n\\N\tb\n'],
    ['of a number that is none', '1\ta\n1x\tb\n'],
    ['of one of more than 8 bytes', '9223372036854775808\ta\n'],
    ['of twenty digits', '10000000000000000000\ta\n'],
    ['of a record without the field', '1\ta\n2\n'],
    ['of an empty number', '\ta\n'],
  ])('are not known %s, and records are counted', (_, records) => {
    expect(scan(records, 'nt')).toEqual({ records: records.split('\n').length - 1, bounds: undefined });
  });

  it('are of fields in any order and place', () => {
    const fields: KeyField[] = [
      { place: 2, name: 'b', type: 'text', form: 'text' },
      { place: 0, name: 'a', type: 'bigint', form: 'integer' },
    ];
    const { bounds } = scanRecords(Buffer.from('7\tx\tb\n-3\tx\tb\n9\tx\ta\n'), fields);
    expect(bounds?.least).toEqual(Uint8Array.from([97, 0, 0, ...form('9')]));
    expect(bounds?.greatest).toEqual(Uint8Array.from([98, 0, 0, ...form('7')]));
  });

  it('are cut: the least so that it is less, the greatest so that it is more', () => {
    const cut = boundsOf(Buffer.alloc(40, 7), Buffer.concat([Buffer.alloc(30, 7), Buffer.alloc(10, 0xff)]));
    expect(cut?.least).toEqual(new Uint8Array(32).fill(7));
    expect(cut?.greatest).toEqual(Uint8Array.from([...Array<number>(29).fill(7), 8]));
    expect(boundsOf(Buffer.alloc(1), Buffer.alloc(40, 0xff))).toBe(undefined);
    expect(boundsOf(Buffer.alloc(1), Buffer.alloc(32, 0xff))?.greatest).toEqual(
      new Uint8Array(32).fill(0xff),
    );
  });
});

describe('keys that are looked for', () => {
  it('may be in a chunk exactly if its bounds hold one of them', () => {
    const random = seededRandom(testSeed + 2);
    for (let i = 0; i < cases(300, 3000, 30_000); i++) {
      const { bounds } = scan(recordsOf(someTable('n', 3, random)), 'n');
      const keys = Array.from({ length: i % 5 }, () => form(someKey('n', random)[0] ?? '0'));
      const ranges = new KeyRanges(
        new Uint8Array(8),
        keys.map((key) => ({ from: key, to: key })),
      );
      expect(bounds && ranges.mayBeIn(bounds)).toBe(keys.some((key) => bounds && within(bounds, key)));
    }
  });

  it('may be a range, from either side or both, of numbers behind a text', () => {
    const { bounds } = scan('5\n9\n', 'n');
    if (!bounds) throw new Error('no bounds');
    const may = (from: string, to: string) =>
      new KeyRanges(new Uint8Array(8), [
        { from: from ? form(from) : Buffer.alloc(0), to: to ? form(to) : Buffer.alloc(0) },
      ]).mayBeIn(bounds);
    expect([may('10', ''), may('', '4'), may('1', '4'), may('10', '99')]).toEqual([
      false,
      false,
      false,
      false,
    ]);
    expect([may('9', ''), may('', '5'), may('6', '8'), may('', ''), may('-1', '99')]).toEqual(
      Array<boolean>(5).fill(true),
    );
  });
});

describe('the item of a leaf', () => {
  const ids = Array.from({ length: 5 }, (_, i) => createHash('sha256').update(String(i)).digest());
  const one = scan('5\n9\n', 'n').bounds;
  const keyId = Uint8Array.from(keyIdOf(fieldsOf('n')));
  const body = encodeBounds({ keyId, chunks: [one, undefined, one, undefined, one] }, ids);

  it('reads back, and refuses those of another leaf', () => {
    expect(decodeBounds(body, ids, 'item')).toEqual({ keyId, chunks: [one, undefined, one, undefined, one] });
    for (const others of [ids.toReversed(), ids.slice(1), [...ids, ids[0] ?? Buffer.alloc(32)]])
      expect(() => decodeBounds(body, others, 'item')).toThrow(/those of another leaf/);
  });

  it('refuses a least key behind the greatest', () => {
    const wrong = one && { least: one.greatest, greatest: one.least };
    const item = encodeBounds({ keyId, chunks: [wrong] }, ids.slice(0, 1));
    expect(() => decodeBounds(item, ids.slice(0, 1), 'item')).toThrow(/behind the greatest/);
  });

  it('lies where the list says, or nowhere', () => {
    const names = new PackNames();
    const pack = names.handle('ab'.repeat(32));
    const places = [
      undefined,
      { pack, offset: 88, storedBytes: 50 },
      undefined,
      { pack, offset: 400, storedBytes: 9 },
    ];
    expect(decodeBoundsList(encodeBoundsList({ keyId, places }), names, 'list')).toEqual({ keyId, places });
  });
});

it('is of no key if the attribute has another form', () => {
  for (const keyFields of [
    undefined,
    null,
    'id',
    [{ place: -1, name: 'a', type: 'b', form: 'text' }],
    [{ place: 0 }],
  ])
    expect(keyFieldsOf(keyFields === undefined ? {} : { keyFields })).toEqual([]);
});
