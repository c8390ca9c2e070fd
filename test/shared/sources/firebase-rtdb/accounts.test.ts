import { describe, expect, it } from 'vitest';
import { EtagTrust } from '../../../../shared/sources/firebase-rtdb/etags/etag-trust.ts';
import { KeyAccounts } from '../../../../shared/sources/firebase-rtdb/reading/key-accounts.ts';
import { CanonicalJson } from '../../../../shared/sources/firebase-rtdb/text/json.ts';
import { nodeHash } from '../../../../shared/sources/firebase-rtdb/text/node-hash.ts';
import { toNode } from '../../../../tools/firebase-server/engine.ts';
import { oddData } from '../../../support/sources/firebase.ts';

type Told = readonly ['listed' | 'gone', string, ...string[]] | string;

/** Tells an account of listings (`listed`, path, keys) and of records. */
function settle(...told: readonly Told[]): void {
  const accounts = new KeyAccounts((path) => `/${path.join('/')}`);
  const keysOf = (path: string) => (path === '' ? [] : path.split('/'));
  for (const one of told) {
    if (typeof one === 'string') accounts.emitted(`${one}\n`);
    else if (one[0] === 'listed') accounts.listed(keysOf(one[1]), one.slice(2));
    else accounts.gone(keysOf(one[1]), one[2] ?? '');
  }
  accounts.end();
}

describe('the account of keys', () => {
  it.each<[string, readonly Told[]]>([
    ['each key has a record', [['listed', '', 'a', 'b'], '{"a":1}', '{"b":2}']],
    ['a record for each child of one', [['listed', '', 'a'], '{"a/x":1}', '{"a/y":2}', '{"a/.priority":3}']],
    ['one is proven to be gone', [['listed', '', 'a', 'b'], '{"a":1}', ['gone', '', 'b']]],
    ['a part is listed later', [['listed', '', 'a'], '{"a":1}', ['listed', '', 'b'], '{"b":1}']],
    [
      'a node below came in parts and is one record',
      [['listed', '', 'a'], ['listed', 'a', 'x', 'y'], '{"a":{"x":1,"y":2}}'],
    ],
    [
      'deep below, after records before',
      [['listed', '', 'a', 'b'], ['listed', 'b', 'x'], '{"a":1}', '{"b/x":1}'],
    ],
    ['keys with signs of JSON', [['listed', 'q"', 'a\\', 'é'], '{"q\\"/a\\\\":1}', '{"q\\"/é":2}']],
  ])('is settled where %s', (_, told) => {
    expect(() => settle(...told)).not.toThrow();
  });

  it.each<[string, string, readonly Told[]]>([
    ['one has none', '/: the database listed 2 children and gave 1', [['listed', '', 'a', 'b'], '{"a":1}']],
    [
      'another one came',
      '/: the database listed 1 children and gave other ones',
      [['listed', '', 'a'], '{"b":1}'],
    ],
    [
      'only the priority of one came',
      '/a: the database listed 1 children and gave 0',
      [['listed', '', 'a'], ['listed', 'a', 'x'], '{"a/.priority":1}'],
    ],
    [
      'one of a node below has none',
      '/a: the database listed 2 children and gave 1',
      [['listed', '', 'a', 'b'], ['listed', 'a', 'x', 'y'], '{"a/x":1}', '{"b":1}'],
    ],
    [
      'the one record of a node lacks one',
      '/a: the database listed 2 children and gave 1',
      [['listed', '', 'a'], ['listed', 'a', 'x', 'y'], '{"a":{"x":1}}'],
    ],
    [
      'a node became a value',
      '/a: the database listed 1 children and gave 0',
      [['listed', '', 'a'], ['listed', 'a', 'x'], '{"a":5}'],
    ],
    [
      'one came twice',
      '/: the database listed 2 children and gave 3',
      [['listed', '', 'a', 'b'], '{"a":1}', '{"b":1}', '{"a":1}'],
    ],
  ])('is refused, naming the node, where %s', (_, message, told) => {
    expect(() => settle(...told)).toThrow(expect.objectContaining({ code: 'E_EMPTY_READ', message }));
  });
});

describe('the hash of a node', () => {
  it('is that of Google’s own code', () => {
    // Google's code rounds a few powers of two.
    const { long: _, floats: __, ...data } = oddData();
    const scalars = ['text', true, false, 0, -0.5, 1e21, { '.value': 1, '.priority': 'p' }];
    const order = {
      b: { '.value': 1, '.priority': 2 },
      a: { '.value': 1, '.priority': 10 },
      c: 1,
      10: 1,
      9: 1,
      z: { x: 1, '.priority': 'b' },
      y: { x: 1, '.priority': 'B' },
    };
    for (const value of [data, order, ...Object.values(data), ...scalars])
      expect(nodeHash(new CanonicalJson(JSON.stringify(value)).whole())).toBe(toNode(value).hash());
  });
});

describe('trust in ETags', () => {
  const node = (etag: string, value: string) => ({ etag, value });
  const before = '{"a":{"x":1},"b":2}';

  it('takes an agreement, and a change that a shallow answer does not show', () => {
    const trust = new EtagTrust();
    trust.agree();
    trust.compare(node('1', before), node('2', '{"a":{"x":1},"b":3}'));
    trust.compare(node('1', before), node('2', '{"a":{"x":1},"c":2}'));
    expect(trust.isTrusted).toBe(false);
    trust.compare(node('1', before), node('2', '{"a":{"x":2},"b":2}'));
    expect(trust.isTrusted).toBe(true);
    expect(trust.proof).toEqual({ content: true, priorities: false });
  });

  it('asks more where there are priorities', () => {
    const trust = new EtagTrust({ proof: { content: true, priorities: false }, hasPriorities: false });
    expect(trust.isTrusted).toBe(true);
    trust.sawText('{"p":{"x":1,".priority":1}}\n');
    expect(trust.isTrusted).toBe(false);
    trust.compare(node('1', '{"a":{"x":1,".priority":1}}'), node('2', '{"a":{"x":1,".priority":2}}'));
    expect(trust.isTrusted).toBe(true);
  });

  it.each([
    ['one ETag has two contents', node('1', '{"a":{"x":2},"b":2}')],
    ['one content has two ETags', node('2', before)],
  ])('ends where %s', (_, now) => {
    const trust = new EtagTrust({ proof: { content: true, priorities: true }, hasPriorities: true });
    trust.compare(node('1', before), now);
    trust.agree();
    expect([trust.isTrusted, trust.isContradicted, trust.proof]).toEqual([false, true, undefined]);
  });

  it('takes a hash of the whole for a proof, but not of flags', () => {
    const trust = new EtagTrust();
    trust.agree();
    trust.saw(node(nodeHash('{"u1":true}'), '{"u1":true}'));
    expect(trust.isTrusted).toBe(false);
    trust.saw(node(nodeHash(before), before));
    expect(trust.isTrusted).toBe(true);
  });
});
