/** Named values inside of a record. */
type Members = ReadonlyMap<string, string>;

/** One dataset: records by their keys, in order, or a single value that has no keys. */
export type Content =
  | { readonly shape: 'records'; readonly records: ReadonlyMap<string, string | Members> }
  | { readonly shape: 'value'; readonly value: string };

/** What a database holds, in terms that every kind of database has: datasets by name. */
export type World = ReadonlyMap<string, Content>;

/** A dataset of these records, in that order. */
export function recordsOf(entries: Iterable<readonly [string, string | Members]>): Content {
  return { shape: 'records', records: new Map(entries) };
}

/** A dataset that is one value and has no keys. */
export function singleValue(value: string): Content {
  return { shape: 'value', value };
}

/** `count` records `r0000`… of about `bytes` each, no two alike. */
export function many(count: number, bytes: number, seed = 1): Content {
  return recordsOf(Array.from({ length: count }, (_, i) => [numbered(i), text(bytes, seed * 100_000 + i)]));
}

/** `count` members of about `bytes` each, inside of one record. */
export function members(count: number, bytes: number, seed = 1): Members {
  return new Map(Array.from({ length: count }, (_, i) => [numbered(i), text(bytes, seed * 100_000 + i)]));
}

/** A text of that length, another one for each seed, which does not repeat within a million characters. */
export function text(length: number, seed: number): string {
  const from = (seed * 7919) % (PIECES.length >> 1);
  const start = `${seed} `.slice(0, length);
  const rest = length - start.length;
  const pieces = PIECES.slice(from, from + rest);
  return start + pieces + PIECES.repeat(Math.ceil(rest / PIECES.length)).slice(0, rest - pieces.length);
}

const PIECES = makePieces();

function makePieces(): string {
  let state = 1;
  const words = Array.from({ length: 150_000 }, () => {
    state = (Math.imul(state, 1_664_525) + 1_013_904_223) >>> 0;
    return state.toString(36).padStart(7, '0');
  });
  return words.join('');
}

function numbered(i: number): string {
  return `r${String(i).padStart(4, '0')}`;
}

/** Names and texts that code takes for something else. What a kind of database cannot hold, its table of facts says. */
export const HOSTILE_TEXTS: readonly string[] = [
  "it's",
  'say "x"',
  'line\nbreak',
  'return\r',
  'tab\tbed',
  'back\\slash',
  '\\.',
  '\\N',
  'a,b;c',
  "'); DROP TABLE a; --",
  '`id`',
  '😀🏴‍☠️',
  'שלום',
  '\u202eevil',
  '\u00e9',
  'e\u0301',
  '\u2028',
  '\ufeffbom',
  '\u007f',
  '\u0001',
  '\u0000',
  '\ud800',
  '.',
  '..',
  '../up',
  '.hidden',
  'a/b',
  '/root',
  '__proto__',
  'constructor',
  'hasOwnProperty',
  'toString',
  '%2F',
  'a?b&c=d#e',
  '$ref',
  '[0]',
  '*',
  '-rf',
  ' leading',
  'trailing ',
  'Case',
  'case',
  'pg_x',
  'public.x',
  '0',
  '007',
  '-1',
  'null',
  'true',
  'NULL',
  'x'.repeat(63),
  'y'.repeat(64),
  'z'.repeat(255),
  'ä'.repeat(128),
  'w'.repeat(768),
  'v'.repeat(5000),
];

/** What differs, one short line each; nothing where the two are the same. */
export function differences(
  actual: World,
  expected: World,
  { inOrder = false }: { readonly inOrder?: boolean } = {},
): readonly string[] {
  const names = [...new Set([...expected.keys(), ...actual.keys()])];
  return names.flatMap((name) =>
    differentContents(shown(name), [actual.get(name), expected.get(name)], inOrder),
  );
}

function differentContents(
  place: string,
  [is, wanted]: readonly [Content | undefined, Content | undefined],
  inOrder: boolean,
): readonly string[] {
  if (!is || !wanted) return [`${place} ${is ? 'was not expected' : 'is missing'}`];
  if (is.shape === 'value' && wanted.shape === 'value') return differentTexts(place, is.value, wanted.value);
  if (is.shape === 'value' || wanted.shape === 'value')
    return [`${place} is of shape ${is.shape}, not ${wanted.shape}`];
  const found = differentMaps(place, is.records, wanted.records);
  if (found.length > 0 || !inOrder) return found;
  const order = ({ records }: typeof is) => [...records.keys()].join('\0');
  return order(is) === order(wanted) ? [] : [`${place} has its records in another order`];
}

function differentMaps(
  place: string,
  actual: ReadonlyMap<string, string | Members>,
  expected: ReadonlyMap<string, string | Members>,
): readonly string[] {
  const keys = [...new Set([...expected.keys(), ...actual.keys()])];
  return keys.flatMap((key) => {
    const at = `${place}/${shown(key)}`;
    const [is, wanted] = [actual.get(key), expected.get(key)];
    if (is === undefined || wanted === undefined)
      return [`${at} ${is === undefined ? 'is missing' : 'was not expected'}`];
    if (typeof is === 'string' && typeof wanted === 'string') return differentTexts(at, is, wanted);
    if (typeof is === 'string' || typeof wanted === 'string') return [`${at} has another shape`];
    return differentMaps(at, is, wanted);
  });
}

function differentTexts(place: string, actual: string, expected: string): readonly string[] {
  if (actual === expected) return [];
  return [`${place} is ${shown(actual)} of ${actual.length}, not ${shown(expected)} of ${expected.length}`];
}

function shown(text: string): string {
  return JSON.stringify(text.length > 40 ? `${text.slice(0, 40)}…` : text);
}
