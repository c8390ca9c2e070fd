import { parseCsv } from '../../core/csv.ts';
import { HoldfastError } from '../../core/errors.ts';
import { bytes } from '../../core/human.ts';
import { MiB } from '../../core/units.ts';
import type { ShownRow } from '../../sources/row-target.ts';
import type { RowChoice } from './chosen-records.ts';

/** Keys are held in memory. */
export const MOST_FILE_BYTES = 64 * MiB;
const HINT =
  'One key a line; CSV whose header names the columns of the key; or NDJSON, such as `holdfast diff --format ndjson` prints.';

/** What a file of rows is read with. */
export interface RowsFileOptions {
  /** The file, for messages. */
  readonly name: string;
  /** Named on the command line: lines of others are passed over. Undefined: lines say it. */
  readonly datasets: readonly string[] | undefined;
  /** Names of the columns of a dataset's key. */
  readonly keyOf: (dataset: string) => Promise<readonly string[]>;
  /** Whether a dataset has definitions: their lines are passed over, as rows cannot bring them back. @default none has */
  readonly isDefinitions?: (dataset: string) => Promise<boolean>;
}

type Json = string | number | boolean | null | readonly unknown[] | { readonly [name: string]: unknown };

/**
 * Rows by their keys, as a file names them: a key a line, CSV, or NDJSON; among the latter what `diff` prints, in which rows that
 * were added since are to be removed.
 *
 * @throws E_USAGE naming the line
 */
export async function readRowsFile(text: string, options: RowsFileOptions): Promise<readonly RowChoice[]> {
  if (text.length > MOST_FILE_BYTES)
    throw new HoldfastError('E_USAGE', `${options.name} holds more than ${bytes(MOST_FILE_BYTES)} of keys`, {
      hint: 'Split it, or choose the rows with --where.',
    });
  const choices = new Choices();
  if (text.trimStart().startsWith('{')) await readJsonLines(text, options, choices);
  else await readTable(text, options, choices);
  const found = choices.all().filter(({ keys = [], removals = [] }) => keys.length + removals.length > 0);
  if (found.length > 0) return found;
  throw new HoldfastError('E_USAGE', `${options.name} does not name any row`, { hint: HINT });
}

class Choices {
  readonly #byDataset = new Map<string, { readonly keys: ShownRow[]; readonly removals: ShownRow[] }>();

  of(dataset: string) {
    const known = this.#byDataset.get(dataset) ?? { keys: [], removals: [] };
    this.#byDataset.set(dataset, known);
    return known;
  }

  all(): readonly RowChoice[] {
    return [...this.#byDataset].map(([dataset, rows]) => ({ dataset, ...rows }));
  }
}

/** The only one that is named. @throws E_USAGE */
function onlyDataset({ datasets, name }: RowsFileOptions): string {
  const [only, ...others] = datasets ?? [];
  if (only !== undefined && others.length === 0) return only;
  throw new HoldfastError('E_USAGE', `${name} does not say which dataset its rows belong to`, {
    hint: 'Name one with --dataset.',
  });
}

async function readTable(text: string, options: RowsFileOptions, choices: Choices): Promise<void> {
  const dataset = onlyDataset(options);
  const key = await options.keyOf(dataset);
  const [header = [], ...records] = parseCsv(text);
  const { keys } = choices.of(dataset);
  const places = key.map((name) => header.indexOf(name));
  if (key.length > 0 && !places.includes(-1)) {
    for (const [i, record] of records.entries()) {
      if (record.length !== header.length)
        throw new HoldfastError(
          'E_USAGE',
          `${options.name}, row ${i + 2}: it has ${record.length} fields, its header ${header.length}`,
        );
      keys.push(Object.fromEntries(key.map((name, at) => [name, record[places[at] ?? 0] ?? null])));
    }
    return;
  }
  const [only = '', ...more] = key;
  if (key.length === 0 || more.length > 0)
    throw new HoldfastError(
      'E_USAGE',
      `the key of ${dataset} is (${key.join(', ')}); ${options.name} has no such columns`,
      { hint: HINT },
    );
  for (const line of text.split(/\r?\n/)) if (line.trim() !== '') keys.push({ [only]: line.trim() });
}

async function readJsonLines(text: string, options: RowsFileOptions, choices: Choices): Promise<void> {
  for (const [i, line] of text.split('\n').entries()) {
    if (line.trim() === '') continue;
    const where = `${options.name}, line ${i + 1}`;
    const object = objectOf(parseJson(line, where), where);
    if (typeof object['change'] !== 'string') {
      const dataset = onlyDataset(options);
      choices.of(dataset).keys.push(rowOf(object, where));
      continue;
    }
    const { dataset, change } = object;
    if (typeof dataset !== 'string') throw badLine(where, 'it does not name a dataset');
    if (options.datasets && !options.datasets.includes(dataset)) continue;
    if (isWithoutKey(object) && (await options.isDefinitions?.(dataset))) continue;
    takeChange(choices.of(dataset), { change, object, where });
  }
}

function isWithoutKey({ key }: Readonly<Record<string, unknown>>): boolean {
  return typeof key === 'object' && key !== null && Object.keys(key).length === 0;
}

/** A line of `diff`: what was removed or changed comes back, what was added goes. */
function takeChange(
  { keys, removals }: { readonly keys: ShownRow[]; readonly removals: ShownRow[] },
  {
    change,
    object,
    where,
  }: { readonly change: unknown; readonly object: Readonly<Record<string, unknown>>; readonly where: string },
): void {
  const key = rowOf(objectOf(object['key'] as Json, where), where);
  if (Object.keys(key).length === 0)
    throw badLine(
      where,
      'its rows have no primary key',
      'Choose rows of that table with --where and --beside.',
    );
  if (change === 'removed' || change === 'changed') keys.push(key);
  else if (change === 'added') removals.push(rowOf(objectOf(object['after'] as Json, where), where));
  else
    throw badLine(where, `its change is ${JSON.stringify(change)}; allowed are added, removed and changed`);
}

function parseJson(line: string, where: string): Json {
  try {
    return JSON.parse(line) as Json;
  } catch (cause) {
    throw badLine(where, `it is not JSON (${cause instanceof Error ? cause.message : ''})`);
  }
}

function objectOf(value: Json | undefined, where: string): Readonly<Record<string, unknown>> {
  if (typeof value === 'object' && value !== null && !Array.isArray(value))
    return value as Readonly<Record<string, unknown>>;
  throw badLine(where, `${JSON.stringify(value)} is not an object`);
}

function rowOf(object: Readonly<Record<string, unknown>>, where: string): ShownRow {
  return Object.fromEntries(
    Object.entries(object).map(([name, value]) => {
      if (value === null || typeof value === 'string') return [name, value];
      const isExact = typeof value === 'number' && (Number.isSafeInteger(value) || !Number.isInteger(value));
      if (isExact) return [name, String(value)];
      throw badLine(
        where,
        `${name} is ${JSON.stringify(value)}; write the value as text, as the database does`,
      );
    }),
  );
}

function badLine(where: string, why: string, hint = HINT): HoldfastError {
  return new HoldfastError('E_USAGE', `${where}: ${why}`, { hint });
}
