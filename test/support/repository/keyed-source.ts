import { type KeyField, keyFieldsAttribute } from '../../../shared/core/key-fields.ts';
import type { Source, SourceView } from '../../../shared/sources/source.ts';
import { seededRandom } from './rows.ts';
import { sharedSource } from './shares.ts';

/** How the key of a table is made: of whole numbers (`n`), of texts (`t`). */
export type KeyShape = 'n' | 't' | 'nt' | 'tn';

/** A table: its rows as fields, those of the key first. */
export interface KeyedTable {
  readonly shape: KeyShape;
  readonly rows: readonly (readonly string[])[];
}

/** Alphabets of keys: some say much in few bytes, some begin with the same bytes for longer than bounds are. */
const LETTERS = ['ab', 'a-_ ~', 'äÿ\u{ffff}z', 'x'];

function someText(random: () => number): string {
  const letters = [...(LETTERS[Math.floor(random() * LETTERS.length)] ?? 'a')];
  const length = Math.floor(random() * (random() < 0.2 ? 60 : 8));
  return Array.from({ length }, () => letters[Math.floor(random() * letters.length)]).join('');
}

function someNumber(random: () => number): string {
  const size = [10, 1e6, 2 ** 53, 2 ** 63][Math.floor(random() * 4)] ?? 10;
  const value = BigInt(Math.floor((random() - 0.3) * size));
  return String(value > 2n ** 63n - 1n ? 2n ** 63n - 1n : value < -(2n ** 63n) ? -(2n ** 63n) : value);
}

/** A key that no other row of the table has. */
export function someKey(shape: KeyShape, random: () => number): string[] {
  return [...shape].map((one) => (one === 'n' ? someNumber(random) : someText(random)));
}

function someRow(key: readonly string[], random: () => number): string[] {
  const word = () => Math.floor(random() * 36 ** 6).toString(36);
  return [...key, Array.from({ length: 1 + Math.floor(random() * 20) }, word).join(' ')];
}

/** A table of about so many rows, in the order of their keys or in none. */
export function someTable(shape: KeyShape, count: number, random: () => number): KeyedTable {
  const keys = new Map<string, string[]>();
  for (let i = 0; i < count; i++) {
    const key = someKey(shape, random);
    keys.set(JSON.stringify(key), key);
  }
  const sorted = random() < 0.5;
  const chosen = [...keys.values()];
  if (sorted) chosen.sort((a, b) => inOrder(a, b, shape));
  return { shape, rows: chosen.map((key) => someRow(key, random)) };
}

/** The rows of the next day: some changed, some gone, some new. */
export function changed({ shape, rows }: KeyedTable, random: () => number): KeyedTable {
  const share = [0, 0.002, 0.05][Math.floor(random() * 3)] ?? 0;
  const known = new Set(rows.map((row) => JSON.stringify(row.slice(0, shape.length))));
  const next: (readonly string[])[] = [];
  for (const row of rows) {
    const what = random() < share ? random() : 1;
    if (what < 0.2) continue;
    const key = row.slice(0, shape.length);
    next.push(what < 0.8 ? someRow(key, random) : row);
    const other = someKey(shape, random);
    if (what >= 0.6 || known.has(JSON.stringify(other))) continue;
    known.add(JSON.stringify(other));
    next.push(someRow(other, random));
  }
  return { shape, rows: next };
}

function inOrder(a: readonly string[], b: readonly string[], shape: KeyShape): number {
  for (const [i, kind] of [...shape].entries()) {
    const [one = '', other = ''] = [a[i], b[i]];
    const order =
      kind === 'n'
        ? Number(BigInt(one) - BigInt(other))
        : Buffer.compare(Buffer.from(one), Buffer.from(other));
    if (order !== 0) return order;
  }
  return 0;
}

/** Its rows as records. */
export function recordsOf({ rows }: KeyedTable): string {
  return rows.map((row) => `${row.join('\t')}\n`).join('');
}

/** Attributes of the table as those of a MySQL table, so that its records are read as rows. */
function attributesOf(shape: KeyShape, isKeyed: boolean) {
  const columns = [...shape, 't'].map((kind, place) => ({
    name: `c${place}`,
    type: kind === 'n' ? 'bigint(20)' : 'varchar(200)',
    class: kind === 'n' ? 'number' : 'text',
    charset: kind === 'n' ? null : 'utf8mb4',
  }));
  const order = [...shape].map((_, place) => `c${place}`);
  const fields = [...shape].map((kind, place): KeyField => {
    const { name = '', type = '' } = columns[place] ?? {};
    return { place, name, type, form: kind === 'n' ? 'integer' : 'text' };
  });
  const about = {
    role: 'table',
    table: 't',
    engine: 'InnoDB',
    columns,
    order,
    isVersioned: false,
    bounds: [],
  };
  return isKeyed ? { ...about, keyFields: keyFieldsAttribute(fields) } : about;
}

/**
 * A source of one table, `t`, in partitions that shares can read.
 *
 * @param options.isKeyed without, nothing says of which fields the key is. @default true
 */
export function keyedSource(
  table: KeyedTable,
  { parts = 1, isKeyed = true }: { readonly parts?: number; readonly isKeyed?: boolean } = {},
): Source {
  const each = Math.ceil(table.rows.length / parts);
  const partitions = Array.from({ length: parts }, (_, i) =>
    recordsOf({ ...table, rows: table.rows.slice(i * each, (i + 1) * each) }),
  );
  const source = sharedSource({ t: partitions });
  const keyed = (view: SourceView): SourceView => ({
    ...view,
    datasets: view.datasets.map((dataset) => ({
      ...dataset,
      attributes: attributesOf(table.shape, isKeyed),
    })),
  });
  const { sharing } = source;
  return {
    ...source,
    kind: 'mysql',
    open: async (...given) => keyed(await source.open(...given)),
    ...(sharing
      ? { sharing: { ...sharing, join: async (...given) => keyed(await sharing.join(...given)) } }
      : {}),
  };
}

/** So many random tables, each by a seed of its own. */
export function* someTables(
  count: number,
  seed: number,
): Generator<{ table: KeyedTable; random: () => number }> {
  const shapes: readonly KeyShape[] = ['n', 't', 'nt', 'tn'];
  for (let i = 0; i < count; i++) {
    const random = seededRandom(seed * 1000 + i);
    yield { table: someTable(shapes[i % 4] ?? 'n', 300 + Math.floor(random() * 2500), random), random };
  }
}
