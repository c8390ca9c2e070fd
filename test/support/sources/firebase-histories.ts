import fc from 'fast-check';
import { MiB } from '../../../shared/core/units.ts';
import {
  READ_LIMITS,
  type ReadLimits,
} from '../../../shared/sources/firebase-rtdb/connection/read-limits.ts';
import type { FirebaseServerOptions } from '../../../tools/firebase-server/options.ts';

/** Random histories of a database: nodes that change their shape from one backup to the next. */
export interface History {
  readonly scale: 'small' | 'real';
  readonly mode: string;
  /** Before each of the backups. */
  readonly steps: readonly (readonly Change[])[];
}

/** What is put where. */
export interface Change {
  readonly place: string;
  readonly shape: Shape;
}

type Size = 'tiny' | 'record' | 'node' | 'usual page' | 'page' | 'pages';
type Priority = number | string | null;

type Shape =
  | { readonly kind: 'absent' }
  | { readonly kind: 'scalar'; readonly json: string; readonly priority: Priority }
  | { readonly kind: 'text'; readonly size: Size; readonly more: number; readonly priority: Priority }
  | {
      readonly kind: 'object';
      readonly children: number;
      readonly keys: keyof typeof KEYS;
      /** Of all children together. */
      readonly size: Size;
      readonly more: number;
      readonly priority: Priority;
      readonly odd: Odd | null;
      /** Each time other contents. */
      readonly version: number;
    };

/** A child that is not like the others. */
interface Odd {
  readonly at: 'first' | 'middle' | 'last';
  readonly shape: Shape;
}

/** A thousandth of the real sizes, about. A node that comes in one request holds any record, whatever its characters. */
const SMALL_LIMITS: ReadLimits = {
  recordCharacters: 150,
  nodeBytes: 450,
  usualPageBytes: 900,
  pageBytes: 4000,
  keysAPart: 7,
};
export const LIMITS = { small: SMALL_LIMITS, real: READ_LIMITS } as const;

const SMALL_ANSWER_BYTES = 10_000;

/** Servers that do one thing or another as documents do not say. */
export const MODES: Readonly<Record<string, FirebaseServerOptions>> = {
  usual: {},
  'arrays in exports': { exportArrays: true },
  'shallow alone': { shallowAlone: true },
  'shallow startAfter as it stands': { shallowStartAfter: 'literal' },
  'shallow startAfter in quotes': { shallowStartAfter: 'quoted' },
  'no ETags on silent reads': { etagOfSilent: 'none' },
  'no ETags without data': { etagWithoutBody: 'none' },
  'ETags of the answer': { etagOf: 'answer', etagWithoutBody: 'answer' },
  'ETags of the answer, none on silent reads': {
    etagOf: 'answer',
    etagOfShallow: 'answer',
    etagOfSilent: 'none',
  },
  'ETags of the place': { etagOf: 'place', etagWithoutBody: 'place' },
  'another ETag each time': { etagOf: 'request', etagWithoutBody: 'request' },
  'ETags without priorities': { etagCountsPriorities: false },
  'exact integers': { exactIntegers: true },
};

/** Of answers; of real sizes they are a matter of the long tests. */
const SMALL_MODES: Readonly<Record<string, FirebaseServerOptions>> = {
  'small answers': { maxResponseBytes: SMALL_ANSWER_BYTES },
  'small answers, 413': { maxResponseBytes: SMALL_ANSWER_BYTES, tooBigStatus: 413, limitSilentReads: true },
  'few children': { maxChildren: 20 },
  'no pages of many': { pagedQueryLimitChildren: 5 },
  'no pages of much': { pagedQueryLimitBytes: 1000, shallowStartAfter: 'literal' },
  'small answers, no pages': { maxResponseBytes: SMALL_ANSWER_BYTES, pagedQueryLimitChildren: 1 },
};

export function serverOptions({ mode }: History): FirebaseServerOptions {
  return MODES[mode] ?? SMALL_MODES[mode] ?? {};
}

/** What is there before all: with a priority, as ETags that do not count those can only be told where there are some. */
export const ALWAYS_THERE = '{"for":{"ever":{"x":1,".priority":2}},"flags":{"u1":true,"u2":true}}';

const priority: fc.Arbitrary<Priority> = fc.oneof(
  { weight: 3, arbitrary: fc.constant(null) },
  { weight: 1, arbitrary: fc.constantFrom<Priority>(3, -1.5, 'p', 'later') },
);
const more = fc.integer({ min: -25, max: 25 });
const scalars = ['0', 'true', 'false', '-1.5', '9007199254740993', '1e21', '""', '"a"', '"„\\"\\\\\\n😀"'];
const scalar: fc.Arbitrary<Shape> = fc.record({
  kind: fc.constant('scalar' as const),
  json: fc.constantFrom(...scalars),
  priority,
});
const absent: fc.Arbitrary<Shape> = fc.constant({ kind: 'absent' });
const KEYS = {
  words: (i: number) => `k${String(i).padStart(5, '0')}`,
  numbers: (i: number) => String(i * 3),
  dense: (i: number) => String(i),
  odd: (i: number) => `${['-', ' ', '"', '!', 'é', '%2F', '{', '😀', '\uff5e', '0'][i % 10]}${i}`,
};

function text(sizes: readonly Size[]): fc.Arbitrary<Shape> {
  return fc.record({ kind: fc.constant('text' as const), size: fc.constantFrom(...sizes), more, priority });
}

function object(
  counts: fc.Arbitrary<number>,
  sizes: readonly Size[],
  odd: fc.Arbitrary<Shape>,
): fc.Arbitrary<Shape> {
  return fc.record({
    kind: fc.constant('object' as const),
    children: counts,
    keys: fc.constantFrom(
      'words' as const,
      'words' as const,
      'numbers' as const,
      'dense' as const,
      'odd' as const,
    ),
    size: fc.constantFrom(...sizes),
    more,
    priority,
    odd: fc.oneof<fc.Arbitrary<Odd | null>[]>(fc.constant(null), oddAt(odd)),
    version: fc.nat(9),
  });
}

function oddAt(shape: fc.Arbitrary<Shape>): fc.Arbitrary<Odd> {
  return fc.record({ at: fc.constantFrom<Odd['at']>('first', 'middle', 'last'), shape });
}

const SIZES: readonly Size[] = ['tiny', 'record', 'node', 'usual page', 'page', 'pages'];
/** Nodes, places from the top down to deep ones, so that one change lies in, beside or above another. */
const places = fc
  .tuple(
    fc.constantFrom('a', 'm', 'z'),
    fc.array(fc.constantFrom('k00000', 'k00002', '0', 'zz'), { maxLength: 3 }),
  )
  .map(([top, below]) => `/${[top, ...below].join('/')}`);

function shapes(counts: fc.Arbitrary<number>, sizes: readonly Size[]): fc.Arbitrary<Shape> {
  const small = fc.oneof(scalar, text(sizes), object(fc.integer({ min: 1, max: 4 }), sizes, scalar));
  const inner = object(counts, sizes, small);
  return fc.oneof(
    { weight: 1, arbitrary: absent },
    { weight: 2, arbitrary: scalar },
    { weight: 2, arbitrary: text(sizes) },
    { weight: 3, arbitrary: inner },
    { weight: 2, arbitrary: object(fc.integer({ min: 1, max: 3 }), sizes, inner) },
  );
}

/** Five backups in a row, one to four changes before each. */
function histories(scale: History['scale'], modes: readonly string[], shape: fc.Arbitrary<Shape>) {
  const change = fc.record({ place: places, shape });
  return fc.record({
    scale: fc.constant(scale),
    mode: fc.constantFrom(...modes),
    steps: fc.array(fc.array(change, { minLength: 1, maxLength: 4 }), { minLength: 5, maxLength: 5 }),
  });
}

const fewChildren = fc.oneof(fc.integer({ min: 1, max: 6 }), fc.integer({ min: 14, max: 45 }));
export const smallHistories = histories(
  'small',
  [...Object.keys(MODES), ...Object.keys(SMALL_MODES)],
  shapes(fewChildren, SIZES),
);

/** At the sizes that users have: some megabytes a change. */
export const realHistories = histories(
  'real',
  Object.keys(MODES),
  shapes(fc.constantFrom(1, 2, 17, 400), ['tiny', 'record', 'node', 'usual page', 'page']),
);

/** The same with the largest texts and nodes of 10,000 children. */
export const largeHistories = histories(
  'real',
  Object.keys(MODES),
  shapes(fc.constantFrom(1, 2, 17, 400, 10_000), SIZES),
);

/** JSON of a shape in export format, with what else of the history makes it differ from the last time. */
export function jsonOf(shape: Shape, scale: History['scale']): string {
  const limits = LIMITS[scale];
  switch (shape.kind) {
    case 'absent':
      return 'null';
    case 'scalar':
      return withPriority(shape.json, shape.priority);
    case 'text':
      return withPriority(textOf(bytesOf(shape, limits), shape.more), shape.priority);
    case 'object':
      return objectOf(shape, scale);
  }
}

function objectOf(shape: Extract<Shape, { kind: 'object' }>, scale: History['scale']): string {
  const { children, keys, version, odd } = shape;
  const bytes = Math.floor(bytesOf(shape, LIMITS[scale]) / children);
  const at = { first: 0, middle: Math.floor(children / 2), last: children - 1 };
  const members = Array.from({ length: children }, (_, i) => {
    const key = JSON.stringify(KEYS[keys](i));
    const isOdd = odd && at[odd.at] === i;
    return `${key}:${isOdd ? jsonOf(odd.shape, scale) : childOf(bytes - key.length - 2, version + i)}`;
  });
  return `{${members.join(',')}${shape.priority === null ? '' : `,".priority":${JSON.stringify(shape.priority)}`}}`;
}

/** A child of about this many bytes. */
function childOf(bytes: number, version: number): string {
  if (bytes < 12) return String(version);
  const inner = textOf(bytes - 10, version);
  return version % 3 === 0 ? inner : `{"t":{"v":${inner}}}`;
}

function textOf(characters: number, version: number): string {
  const one = `${version}-${'abcdefghij'.charAt(version % 10)}`;
  return JSON.stringify(
    one.repeat(Math.max(Math.ceil(characters / one.length), 1)).slice(0, Math.max(characters, 1)),
  );
}

function withPriority(json: string, value: Priority): string {
  return value === null ? json : `{".value":${json},".priority":${JSON.stringify(value)}}`;
}

function bytesOf(
  { size, more: by }: { readonly size: Size; readonly more: number },
  limits: ReadLimits,
): number {
  const bytes = {
    tiny: 30,
    record: limits.recordCharacters,
    node: limits.nodeBytes,
    'usual page': limits.usualPageBytes,
    page: limits.pageBytes,
    pages: Math.min(limits.pageBytes * 2, 10 * MiB - 1000),
  }[size];
  return Math.max(bytes + by, 1);
}
