import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import { fulfils } from '../../../../shared/jobs/mask/check-expression.ts';
import { type ChangingRule, functionOf } from '../../../../shared/jobs/mask/functions.ts';
import { Keyed } from '../../../../shared/jobs/mask/keyed.ts';
import type { MaskedRow } from '../../../../shared/jobs/mask/mask-function.ts';
import { permuteBits, permuteDigits } from '../../../../shared/jobs/mask/permute.ts';
import { parseMaskRules } from '../../../../shared/jobs/mask/rules.ts';
import type { ColumnFacts } from '../../../../shared/sources/table-facts.ts';

const keyed = new Keyed('a secret of the test, long enough');
const other = new Keyed('another secret of the test, as long');
const row: MaskedRow = { seed: (_, value) => value };
const column = (facts: Partial<ColumnFacts>): ColumnFacts => ({
  name: 'c',
  type: 'text',
  kind: 'text',
  isNullable: true,
  ...facts,
});

function maskWith(given: unknown, facts: Partial<ColumnFacts> = {}, by = keyed) {
  const { tables } = parseMaskRules({ version: 1, tables: { t: { c: given } } });
  const made = functionOf(tables['t']!['c'] as ChangingRule);
  return made.make({ keyed: by, column: column(facts), rowPlaces: [] });
}

/** Columns, constants that they take, and constants that they do not: as PostgreSQL has it. */
const CONSTANTS: readonly (readonly [Partial<ColumnFacts>, readonly string[], readonly string[]])[] = [
  [{ kind: 'text', most: 3 }, ['', 'äöü'], ['four']],
  [{ kind: 'integer', bits: 15 }, ['0', '32767', '-32768'], ['32768', '-32769', '1.0', 'x', '']],
  [{ kind: 'decimal', wholeDigits: 3 }, ['999.99', '-000999', '0'], ['1000', '1e3', 'x']],
  [{ kind: 'float' }, ['1', '-2.5'], ['x', '1.']],
  [
    { kind: 'date' },
    ['2024-02-29', '2026-03-01 10:00:00+00'],
    ['2026-02-29', '2026-13-01', '2026-3-1', '0000-01-01'],
  ],
  [{ kind: 'date', years: [1970, 2038] }, ['1970-01-01'], ['1969-12-31', '2039-01-01']],
  [{ kind: 'uuid' }, ['00000000-0000-4000-8000-000000000000'], ['x', '00000000']],
  [{ kind: 'bytes' }, ['', '00ff'], ['0', 'xy']],
  [{ kind: 'json' }, ['{}', 'null', '"x"', '1'], ['x', '', '{a: 1}']],
  [{ kind: 'ip' }, ['10.0.0.1', '10.0.0.0/8', 'fd00::1'], ['x', '10.0.0', '10.0.0.256']],
];

describe('functions of masks', () => {
  it('refuse a constant that a column cannot hold', () => {
    const problem = (value: string, facts: Partial<ColumnFacts>) =>
      functionOf({ mask: 'constant', value }).problem?.(column(facts));
    for (const [facts, good, bad] of CONSTANTS) {
      expect(
        good.filter((value) => problem(value, facts) !== undefined),
        facts.kind,
      ).toEqual([]);
      expect(
        bad.filter((value) => problem(value, facts) === undefined),
        facts.kind,
      ).toEqual([]);
    }
  });

  it('permute all numbers of so many bits, and all texts of so many digits', () => {
    for (const bits of [1, 2, 7, 8, 11]) {
      const all = Array.from({ length: 2 ** bits }, (_, i) => permuteBits(keyed, BigInt(i), bits));
      expect(new Set(all).size).toBe(2 ** bits);
      expect(all.every((number) => number >= 0n && number < 2n ** BigInt(bits))).toBe(true);
    }
    for (const digits of [1, 2, 3]) {
      const all = Array.from({ length: 10 ** digits }, (_, i) =>
        permuteDigits(keyed, String(i).padStart(digits, '0')),
      );
      expect(new Set(all).size).toBe(10 ** digits);
      expect(all.every((text) => text.length === digits)).toBe(true);
    }
  });

  it('keep equal values equal and different ones different, and go by the secret', () => {
    const text = fc.string({ minLength: 1, unit: 'grapheme' });
    for (const [given, facts] of [
      ['hash', {}],
      ['email', {}],
      ['uuid', {}],
      [{ mask: 'template', template: 'x-{hash}' }, {}],
    ] as const) {
      const [one, again, secret] = [
        maskWith(given, facts),
        maskWith(given, facts),
        maskWith(given, facts, other),
      ];
      fc.assert(
        fc.property(text, text, (a, b) => {
          expect(one(a, row)).toBe(again(a, row));
          expect(one(a, row)).not.toBe(secret(a, row));
          expect(one(a, row) === one(b, row)).toBe(a === b);
          expect(one(a, row)).toMatch(/^[a-z0-9@.-]+$/);
        }),
      );
    }
    const number = maskWith('hash', { kind: 'integer', bits: 15 });
    const all = Array.from({ length: 2 ** 16 }, (_, i) => number(String(i - 2 ** 15), row));
    expect(new Set(all).size).toBe(2 ** 16);
    expect(all.every((value) => Number(value) >= -(2 ** 15) && Number(value) < 2 ** 15)).toBe(true);
  });

  it('take texts for equal that the database takes for equal', () => {
    const mask = maskWith('hash', { isCaseless: true });
    expect(mask('Ada@X.test  ', row)).toBe(mask('ada@x.test', row));
    expect(maskWith('hash')('Ada', row)).not.toBe(maskWith('hash')('ada', row));
  });

  it('let nothing pass that they are not for', () => {
    const letters = fc.stringMatching(/^[A-Za-zäöü٣٤ ]{4,30}$/).filter((text) => text.trim() !== '');
    for (const given of ['phone', 'digits', 'ip', 'text', { mask: 'name', part: 'last' }])
      fc.assert(
        fc.property(letters, (value) => {
          expect(maskWith(given)(value, row)).not.toBe(value);
        }),
      );
    const json = maskWith({ mask: 'json', paths: { '$.a': 'hash' }, rest: 'null' }, { kind: 'json' });
    for (const broken of ['secret', '{"a": secret}', '{"a": "s"', '["x",]', '{"a" "b"}', '', '{"a": 1} x'])
      expect(json(broken, row)).toBe('null');
    const date = maskWith('date-shift', { kind: 'date' });
    expect(date('born long ago', row)).not.toContain('born');
  });

  it('write JSON again with its layout, and only what the paths say', () => {
    const document = '{"a": "x", "b" :[1, 2.50,{"c":"x"}], "d": {"e": null, "f": true, "ä\\u0041": "y"}}';
    const mask = maskWith(
      {
        mask: 'json',
        paths: {
          '$.b[2]': 'hash',
          "$.d['f']": 'keep',
          '$.b[*]': 'noise',
          "$.d['äA']": { mask: 'constant', value: 'z"' },
        },
        rest: 'null',
      },
      { kind: 'json' },
    );
    const made = mask(document, row) ?? '';
    expect(made).toMatch(
      /^\{"a": null, "b" :\[\d+, \d+\.\d\d,\{"c":"[a-z2-7]{26}"\}\], "d": \{"e": null, "f": true, "ä\\u0041": "z\\""\}\}$/,
    );
    fc.assert(
      fc.property(fc.json(), (text) => {
        const keep = maskWith({ mask: 'json', paths: {}, rest: 'keep' }, { kind: 'json' });
        expect(keep(text, row)).toBe(text);
        const none = maskWith({ mask: 'json', paths: {}, rest: 'null' }, { kind: 'json' });
        expect(() => JSON.parse(none(text, row) ?? '')).not.toThrow();
      }),
    );
  });

  it('make numbers that are near, never the same, of the same sign, and fit', () => {
    const noise = maskWith({ mask: 'noise', ratio: 0.1 }, { kind: 'decimal', wholeDigits: 4 });
    const cents = fc.integer({ min: -999_999, max: 999_999 }).map((value) => (value / 100).toFixed(2));
    fc.assert(
      fc.property(cents, (value) => {
        const made = noise(value, row) ?? '';
        expect(made).toMatch(/^-?\d{1,4}\.\d\d$/);
        expect(Number(made)).not.toBe(Number(value));
        expect(Math.abs(Number(made) - Number(value))).toBeLessThanOrEqual(
          Math.abs(Number(value)) * 0.1 + 0.011,
        );
        if (Number(value) !== 0)
          expect(Math.sign(Number(made)) * Math.sign(Number(value))).toBeGreaterThanOrEqual(0);
      }),
    );
    const whole = maskWith('noise', { kind: 'integer', bits: 7 });
    for (let i = -127; i <= 127; i++)
      expect(Math.abs(Number(whole(String(i), row)))).toBeLessThanOrEqual(127);
    expect(noise('NaN', row)).toBe('NaN');
  });

  it('move dates by some days, keep the time of day, and stay in the range of the type', () => {
    const shift = maskWith({ mask: 'date-shift', days: 10 }, { kind: 'date', years: [1971, 2037] });
    const dates = fc.date({ min: new Date('1971-01-01'), max: new Date('2037-12-31'), noInvalidDate: true });
    fc.assert(
      fc.property(dates, (date) => {
        const [day = '', time = ''] = date.toISOString().replace('Z', '').split('T');
        const made = shift(`${day} ${time}`, row) ?? '';
        const days = (Date.parse(`${made.slice(0, 10)}T00:00Z`) - Date.parse(`${day}T00:00Z`)) / 86_400_000;
        expect(days).not.toBe(0);
        expect(Math.abs(days)).toBeLessThanOrEqual(10);
        expect(made.slice(10)).toBe(` ${time}`);
        expect(Number(made.slice(0, 4))).toBeGreaterThanOrEqual(1971);
        expect(Number(made.slice(0, 4))).toBeLessThanOrEqual(2037);
      }),
    );
    expect(['infinity', '0000-00-00'].map((value) => shift(value, row))).toEqual(['infinity', '0000-00-00']);
    expect(shift('0044-03-15 10:00:00+00 BC', row)).toBe('2000-01-01 10:00:00+00');
  });
});

describe('conditions of a database', () => {
  const values = { total: 5, email: 'a@b.c', status: 'new', paid: true, note: null, 'Odd"n': 'x' } as Record<
    string,
    string | number | boolean | null
  >;
  it.each([
    ['((total > (0)::numeric) AND (total < (10)::numeric))', true],
    ['(total >= 6)', false],
    ["((email)::text ~ '^[^@]+@[^@]+$'::text)", true],
    ["((email)::text ~~ '%@%'::text)", true],
    ["(email like '%@x%')", false],
    ["((status)::text = ANY ((ARRAY['new'::character varying, 'paid'::character varying])::text[]))", true],
    ["(status = ANY (ARRAY['old'::text]))", false],
    ["(`status` in ('new','paid'))", true],
    ['(char_length((email)::text) <= 80)', true],
    ['(char_length(`email`) between 1 and 3)', false],
    ['(note IS NULL)', true],
    ['(note IS NOT NULL)', false],
    ["(note <> 'x'::text)", true],
    ['(paid OR (total < 0))', true],
    ['(NOT paid)', false],
    [`("Odd""n" = 'x'::text)`, true],
    ['(total < some_function(total))', undefined],
    ['(total < (now())::numeric)', undefined],
    ['(total / 2 > 1)', undefined],
    ['(email SIMILAR TO x)', undefined],
    ['(missing > 1)', undefined],
  ])('%s', (sql, wanted) => {
    expect(fulfils(sql, (name) => values[name])).toBe(wanted);
  });
});
