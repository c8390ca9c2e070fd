import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import {
  CanonicalJson,
  countWholeMembers,
  parseRecord,
  recordLine,
} from '../../../../shared/sources/firebase-rtdb/text/json.ts';
import { compareKeys, comparePaths } from '../../../../shared/sources/firebase-rtdb/text/key-order.ts';
import { KEY_INDEX, toNode } from '../../../../tools/firebase-server/engine.ts';
import { anyText } from '../../../support/any-text.ts';
import { cases, testSeed } from '../../../support/repository/torture.ts';

const canonical = (text: string) => new CanonicalJson(Buffer.from(text)).whole();
const runs = { numRuns: cases(60, 300, 20_000), seed: testSeed };

const key = fc
  .string({ unit: 'grapheme', minLength: 1, maxLength: 8 })
  .filter((text) => !/[.$#[\]/\p{Cc}]/u.test(text));
const anyKey = fc.oneof(
  key,
  fc.integer().map(String),
  fc.constantFrom('007', '-0', '-5', '2147483648', '-2147483649', '😀', '\uff5e'),
);
const { tree } = fc.letrec<{ tree: unknown }>((tie) => ({
  tree: fc.oneof(
    { depthSize: 'small' },
    anyText(),
    fc.double({ noNaN: true, noDefaultInfinity: true }).filter((value) => !Object.is(value, -0)),
    fc.boolean(),
    fc.dictionary(anyKey, tie('tree'), { minKeys: 1, maxKeys: 6 }),
  ),
}));

describe('canonical JSON', () => {
  it('means what it was made of, whatever the order and the blanks', () => {
    fc.assert(
      fc.property(tree, fc.constantFrom(0, 1, 3), (value, blanks) => {
        const text = canonical(JSON.stringify(value, undefined, blanks));
        expect(JSON.parse(text)).toEqual(JSON.parse(JSON.stringify(value)));
        expect(canonical(text)).toBe(text);
        expect(canonical(JSON.stringify(reversed(value)))).toBe(text);
      }),
      runs,
    );
  });

  it('is never taken for whole when it is cut off', () => {
    fc.assert(
      fc.property(fc.dictionary(anyKey, tree, { minKeys: 1, maxKeys: 4 }), (value) => {
        const whole = Buffer.from(JSON.stringify(value));
        for (let end = 0; end < whole.length; end++)
          expect(() => new CanonicalJson(whole.subarray(0, end)).whole()).toThrow(
            expect.objectContaining({ code: 'E_SOURCE_LOST' }),
          );
      }),
      { ...runs, numRuns: cases(10, 40, 1000) },
    );
  });

  it.each([
    ['[1,null,{"a":2}]', '{"0":1,"2":{"a":2}}'],
    ['{"a":{"b":null},"c":[]}', 'null'],
    ['{"b":1,"a":2,".priority":3,"10":4,"9":5}', '{"9":5,"10":4,"a":2,"b":1,".priority":3}'],
    ['{"n":12345678901234567890,"f":1.0,"e":1E5}', '{"e":1E5,"f":1.0,"n":12345678901234567890}'],
    ['"\\u00e9\\/\\ud83d"', '"é/\\ud83d"'],
    [' null ', 'null'],
  ])('of %s is %s', (text, wanted) => expect(canonical(text)).toBe(wanted));

  it.each([
    '',
    '{',
    '{"a"}',
    '{"a":1,}',
    '[1,]',
    '{"a":01}',
    'tru',
    '"a',
    '{"a":"\\x"}',
    '1 2',
    'NaN',
    '{a:1}',
    "{'a':1}",
  ])('refuses %j', (text) =>
    expect(() => canonical(text)).toThrow(expect.objectContaining({ code: 'E_SOURCE_LOST' })),
  );

  it('refuses bytes that are not UTF-8, and nesting that no database has', () => {
    const lost = expect.objectContaining({ code: 'E_SOURCE_LOST' });
    expect(() => new CanonicalJson(Buffer.from([0x22, 0xff, 0x22])).whole()).toThrow(lost);
    expect(() => canonical('['.repeat(100_000))).toThrow(lost);
  });

  it('counts levels as Firebase does', () => {
    const depthOf = (text: string) => {
      const json = new CanonicalJson(text);
      json.whole();
      return json.depth;
    };
    expect(depthOf('1')).toBe(0);
    expect(depthOf('{"a":{"b":1,".priority":2}}')).toBe(2);
    expect(depthOf('{".value":1,".priority":2}')).toBe(0);
  });

  it('counts the whole children of what was cut off', () => {
    expect(countWholeMembers('{"a":{"b":[1,2]},"c":"},{,\\",","d":12')).toBe(2);
    expect(countWholeMembers('{"a":{"b":1,"c":')).toBe(0);
  });
});

describe('records', () => {
  it('are one line each, and are read as they were written', () => {
    fc.assert(
      fc.property(fc.array(anyKey, { maxLength: 4 }), tree, (keys, value) => {
        const text = canonical(JSON.stringify(value));
        const line = recordLine(keys.join('/'), text);
        expect(line.indexOf('\n')).toBe(line.length - 1);
        expect(parseRecord(line.trimEnd())).toEqual({ path: keys.join('/'), value: text });
      }),
      runs,
    );
  });
});

describe('the order of keys', () => {
  it('is that of Google’s client', () => {
    fc.assert(
      fc.property(fc.uniqueArray(anyKey, { minLength: 2, maxLength: 12 }), (keys) => {
        const ordered: string[] = [];
        const node = toNode(Object.fromEntries(keys.map((one) => [one, true])));
        node.forEachChild(KEY_INDEX, (one) => {
          ordered.push(one);
          return undefined;
        });
        expect(ordered.toSorted(compareKeys)).toEqual(ordered);
      }),
      runs,
    );
  });

  it('of paths puts what a node says of itself after its children', () => {
    const paths = ['.priority', 'b', 'a/z', 'a/.priority', 'a/10', 'a/9', '10', '9'];
    const sorted = paths.map((path) => path.split('/')).sort(comparePaths);
    expect(sorted.map((path) => path.join('/'))).toEqual([
      '9',
      '10',
      'a/9',
      'a/10',
      'a/z',
      'a/.priority',
      'b',
      '.priority',
    ]);
  });
});

function reversed(value: unknown): unknown {
  if (typeof value !== 'object' || value === null) return value;
  return Object.fromEntries(
    Object.entries(value)
      .reverse()
      .map(([name, inner]) => [name, reversed(inner)]),
  );
}
