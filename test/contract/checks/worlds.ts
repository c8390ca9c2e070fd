import type { KindFacts } from '../place.ts';
import {
  type Content,
  HOSTILE_TEXTS,
  many,
  members,
  recordsOf,
  singleValue,
  text,
  type World,
} from '../world.ts';

/** Datasets of every size class, with records of every size class. */
export function sizesWorld({ keepsEmptyDatasets }: KindFacts): World {
  return new Map<string, Content>([
    ['a_one', recordsOf([['only', 'x']])],
    ['b_few', many(40, 100)],
    [
      'c_sizes',
      recordsOf([
        ['first', 'x'.repeat(4_000_000)],
        ['middle', members(30, 40_000)],
        ...[0, 1, 100, 131_072, 400_000].map((bytes) => [`of${bytes}`, 'y'.repeat(bytes)] as const),
        ['zlast', 'z'.repeat(3_200_000)],
      ]),
    ],
    ['d_many', many(6000, 120)],
    [
      'd_mixed',
      recordsOf([...small(3000), ['s', members(1, 4_000_000)], ['t', 'x'.repeat(3_500_000)], ['u', 'end']]),
    ],
    ['e_value', singleValue('a single value')],
    ...(keepsEmptyDatasets ? [['f_empty', recordsOf([])] as const] : []),
    ['g_last', many(3, 10)],
  ]);
}

/** Several partitions and blocks, but no text of megabytes. */
export function mediumWorld({ keepsEmptyDatasets }: KindFacts): World {
  return new Map<string, Content>([
    ['a_one', recordsOf([['only', 'x']])],
    [
      'b_sizes',
      recordsOf([
        ['first', 'x'.repeat(400_000)],
        ['middle', members(20, 20_000)],
        ['z', ''],
      ]),
    ],
    ['c_many', many(6000, 120)],
    ['d_value', singleValue('a single value')],
    ...(keepsEmptyDatasets ? [['e_empty', recordsOf([])] as const] : []),
    ['f_last', many(3, 10)],
  ]);
}

/** Small, for what is done often: a dataset of several blocks among others. */
export function smallWorld(): World {
  return SMALL;
}

const SMALL: World = new Map<string, Content>([
  ['a_first', many(3, 20)],
  ['b_large', many(24, 120_000)],
  ['c_value', singleValue('a single value')],
  ['d_last', many(5, 20)],
]);

/** Names, keys, members and values of every odd text that the kind can hold. */
export function hostileWorld({ canName, canKey, canHold }: KindFacts): World {
  const keys = HOSTILE_TEXTS.filter(canKey);
  return new Map<string, Content>([
    ...HOSTILE_TEXTS.filter(canName).map((name, i) => [name, recordsOf([['k', String(i)]])] as const),
    ['odd_keys', recordsOf(keys.map((key, i) => [key, String(i)]))],
    ['odd_members', recordsOf([['k', new Map(keys.map((key, i) => [key, String(i)]))]])],
    ['odd_texts', recordsOf(HOSTILE_TEXTS.filter(canHold).map((text, i) => [`k${i}`, text]))],
  ]);
}

function small(count: number): readonly (readonly [string, string])[] {
  return Array.from({ length: count }, (_, i) => [`r${String(i).padStart(4, '0')}`, text(200, i)]);
}

/** What restores are tried with: every shape, odd keys and texts, a dataset of several blocks. */
export function restorableWorld(facts: KindFacts): World {
  const odd = hostileWorld(facts);
  const [name = ''] = odd.keys();
  return new Map<string, Content>([
    ...smallWorld(),
    ...[name, 'a/b', 'odd_keys', 'odd_texts'].flatMap((one) => {
      const content = odd.get(one);
      return content ? [[one, content] as const] : [];
    }),
    [
      'e_members',
      recordsOf([
        ['k', members(4, 10)],
        ['l', 'text'],
      ]),
    ],
    ...(facts.keepsEmptyDatasets ? [['f_empty', recordsOf([])] as const] : []),
  ]);
}
