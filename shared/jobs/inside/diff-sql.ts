import { HoldfastError } from '../../core/errors.ts';
import { plural } from '../../core/plural.ts';
import { MiB } from '../../core/units.ts';
import { pluginNamed } from '../../sources/registry.ts';
import type { RowStatements, TableStatements } from '../../sources/row-statements.ts';
import { type DatasetDiff, type DiffOptions, diffVersions } from './diff.ts';
import type { RowChange } from './row-changes.ts';
import type { Version } from './version.ts';

/** Changes that are kept from the first reading for the others; the rest is read again. */
const MOST_KEPT_CHARACTERS = 16 * MiB;

/** Which statements, and who is told what they leave out. */
export interface DiffSqlOptions extends Omit<DiffOptions, 'form'> {
  /** Told of what statements cannot do, a sentence each; the script says it too. */
  readonly onLeftOut?: (what: string) => void;
}

/** A table with rows to change. */
interface Part {
  readonly name: string;
  readonly statements: TableStatements;
  readonly counts: Readonly<Record<RowChange['change'], number>>;
  /** They were kept: nothing is read again for them. */
  readonly isKept: boolean;
  changes(): AsyncIterable<RowChange> | Iterable<RowChange>;
}

/**
 * A script for the database's own client that turns the rows of one version into those of another, in one transaction. Definitions
 * and tables that only one of them has stay as they are, and are named. Pieces of the text come as they are made. The versions are
 * closed once all is read, before the first piece if little differs: so the script does not wait for locks of what reads for it.
 *
 * @throws E_USAGE for a kind of database without SQL; as `diffVersions`
 */
export async function* diffSql(
  from: Version,
  to: Version,
  { onLeftOut = () => {}, ...options }: DiffSqlOptions,
): AsyncGenerator<string> {
  const writer = await writerOf(from, options.signal);
  const parts: Part[] = [];
  const kept = { characters: 0 };
  const leftOut: string[] = [];
  for await (const diff of diffVersions(from, to, { ...options, form: 'sql' })) {
    const part = await partOf(diff, { writer, from, kept });
    if (typeof part === 'string') leftOut.push(part);
    else if (part) parts.push(part);
    leftOut.push(...leftOutColumns(diff));
  }
  const close = async () => {
    for (const version of [from, to]) await version.check(options.signal);
    for (const version of [from, to]) await version[Symbol.asyncDispose]();
  };
  const isRead = parts.every(({ isKept }) => isKept);
  if (isRead) await close();
  for (const what of leftOut) onLeftOut(what);
  yield [`from ${from.name}`, `to ${to.name}`, ...leftOut.map((what) => `left out: ${what}`)]
    .map((line) => `-- ${line.replaceAll(/\s+/g, ' ')}\n`)
    .join('');
  yield* script(parts, writer);
  if (!isRead) await close();
  yield writer.tail(parts.map(({ name }) => name));
}

async function writerOf({ contents, name }: Version, signal: AbortSignal): Promise<RowStatements> {
  const plugin = pluginNamed(contents.sourceKind);
  const of = await plugin?.rowStatements?.();
  if (of) return of(contents, signal);
  throw new HoldfastError('E_USAGE', `${name} is of kind ${contents.sourceKind}, which has no SQL`, {
    hint: 'Leave out --sql, or give --json.',
  });
}

/** Undefined if nothing differs; a sentence if it cannot be written. */
async function partOf(
  diff: DatasetDiff,
  about: { readonly writer: RowStatements; readonly from: Version; readonly kept: { characters: number } },
): Promise<Part | string | undefined> {
  const { dataset: name, kind, isIn, columns } = diff;
  if (isIn !== 'both')
    return `${name} exists only in the ${isIn === 'first' ? 'database that the script is for' : 'other one'}`;
  const { counts, kept } = await take(diff, about.kept);
  const total = counts.added + counts.removed + counts.changed;
  if (total === 0) return undefined;
  if (kind === 'schema') return `definitions differ: ${plural(total, 'line')} of ${name}`;
  const dataset = about.from.contents.datasets.find((one) => one.name === name);
  const key = diff.key.map((column) => columns.findIndex((one) => one.name === column));
  const statements = dataset ? about.writer.table({ dataset, columns, key }) : name;
  if (typeof statements === 'string') return statements;
  return { name, statements, counts, isKept: kept !== undefined, changes: () => kept ?? diff.changes() };
}

/** Counts the changes, and keeps them if all that are kept are few. */
async function take(diff: DatasetDiff, all: { characters: number }) {
  const counts = { added: 0, removed: 0, changed: 0 };
  const rows: RowChange[] = [];
  let characters = 0;
  let isKept = true;
  for await (const row of diff.changes()) {
    counts[row.change]++;
    if (!isKept) continue;
    rows.push(row);
    characters += lengthOf(row.before) + lengthOf(row.after);
    isKept = all.characters + characters <= MOST_KEPT_CHARACTERS;
    if (!isKept) rows.length = 0;
  }
  if (isKept) all.characters += characters;
  return { counts, kept: isKept ? rows : undefined };
}

function lengthOf(row: RowChange['before']): number {
  return (row ?? []).reduce((sum, field) => sum + 16 + (field?.length ?? 0), 0);
}

function leftOutColumns({ dataset, isIn, addedColumns, removedColumns }: DatasetDiff): readonly string[] {
  const columns = [...addedColumns, ...removedColumns];
  if (isIn !== 'both' || columns.length === 0) return [];
  return [`columns of ${dataset} that only one of the two has: ${columns.join(', ')}`];
}

/**
 * What refers is removed and changed before what it refers to, and added after it. Rows are removed before others are changed, as
 * these may get their unique values; if rows of a table refer to each other, the other way round.
 */
async function* script(parts: readonly Part[], writer: RowStatements): AsyncGenerator<string> {
  const names = parts.map(({ name }) => name);
  yield writer.head(names);
  const ordered = writer.inOrder(names).flatMap((name) => parts.find((part) => part.name === name) ?? []);
  for (const part of ordered) {
    const order = ['removed', 'changed'] as const;
    for (const change of writer.refersToItself(part.name) ? order.toReversed() : order)
      yield* statementsOf(part, change);
  }
  for (const part of ordered.toReversed()) yield* statementsOf(part, 'added');
}

async function* statementsOf(
  { statements, counts, changes }: Part,
  change: RowChange['change'],
): AsyncGenerator<string> {
  if (counts[change] === 0) return;
  for await (const row of changes()) if (row.change === change) yield statementOf(statements, row);
}

function statementOf(statements: TableStatements, { before, after }: RowChange): string {
  if (before && after) return statements.change(before, after);
  return before ? statements.remove(before) : statements.add(after ?? []);
}
