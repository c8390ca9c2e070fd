import { HoldfastError } from '../../../core/errors.ts';
import type { BackupKey } from '../../../core/ids.ts';
import { plural } from '../../../core/plural.ts';
import type { Repository } from '../../../repository/repository.ts';
import type { ChangePlugin } from '../../../sources/plugin.ts';
import type { RowSession, RowsToRestore, ShownRow, StandingRows } from '../../../sources/row-target.ts';
import type { Fields } from '../../../sources/rows.ts';
import { datasetNamed } from '../../inside/read-rows.ts';
import { openRowTarget } from '../../inside/restore-rows.ts';
import type { RowPlace } from '../../inside/rows-plan.ts';
import { contentsOf } from '../../restore/contents.ts';
import { type BaseAndStream, openChosen, valueDecoder } from '../base-and-stream.ts';
import { chooseBeforeTransaction } from '../find-transaction.ts';
import { rowsOfTransaction, type TransactionDataset } from './transaction-rows.ts';

/** Which transaction is undone, and where. */
export interface UndoOptions {
  /** As the server writes it, such as its number. */
  readonly transaction: string;
  readonly source: { readonly kind: string; readonly name: string };
  /** Of the source's kind. */
  readonly changes: ChangePlugin;
  /** The live database. */
  readonly place: RowPlace;
  readonly onWarning?: ((message: string) => void) | undefined;
  readonly signal: AbortSignal;
}

/** What a transaction did, and what stands against reversing it. */
export interface UndoPlan {
  readonly transaction: string;
  /** By the server's clock, ISO in UTC with microseconds. */
  readonly committedAt: string;
  /** The backup that rows were followed from. */
  readonly base: BackupKey;
  /** No secret in it. */
  readonly target: string;
  readonly datasets: readonly TransactionDataset[];
  /** Rows that are not as it left them, constraints that would not hold: a sentence each. Not empty: nothing is written. */
  readonly violations: readonly string[];
  readonly warnings: readonly string[];
}

/**
 * What a transaction did, from its stored changes, and whether it can be reversed. The rows are brought to the live database, compared and
 * checked there, and forgotten.
 *
 * @throws E_NO_MOMENT if no stored change is of that transaction; E_SOURCE_UNSUPPORTED saying why it cannot be reversed row by row;
 *   E_USAGE if it changed more than can be held; E_DAMAGED, E_SOURCE_*, E_STORE_*, E_ABORTED
 */
export function planUndo(repository: Repository, options: UndoOptions): Promise<UndoPlan> {
  return reverse(repository, { ...options, isDryRun: true });
}

/**
 * Reverses a transaction on the live database, in one transaction: rows that it added go, rows that it removed come back, rows that it
 * changed are as before. All of them must be as it left them. What was written is read back before it is committed.
 *
 * @throws as `planUndo`; E_ROWS_REFUSED naming rows that changed since, or constraints: nothing was changed
 */
export function undoTransaction(repository: Repository, options: UndoOptions): Promise<UndoPlan> {
  return reverse(repository, { ...options, isDryRun: false });
}

async function reverse(
  repository: Repository,
  options: UndoOptions & { readonly isDryRun: boolean },
): Promise<UndoPlan> {
  const { transaction, source, changes, place, isDryRun, onWarning, signal } = options;
  const target = await openRowTarget(place);
  if (target.kind !== source.kind)
    throw new HoldfastError(
      'E_USAGE',
      `${source.name} is of kind ${source.kind}; its transactions cannot be reversed in ${target.name}`,
      { hint: `Give a target of kind ${source.kind}.` },
    );
  const decoder = await valueDecoder(changes, `transaction ${transaction}`);
  const chosen = await chooseBeforeTransaction(repository, transaction, {
    source,
    compare: changes.compare,
    decoder,
    ...(onWarning ? { onWarning } : {}),
    signal,
  });
  const stream = await openChosen(repository, decoder, chosen, signal);
  const { committedAt, datasets } = await rowsOfTransaction(repository, stream, transaction, signal);
  await using session = await target.open({ isDryRun, signal });
  const found = await look(session, stream, datasets);
  const about = {
    transaction,
    committedAt,
    base: stream.reader.manifest.key as BackupKey,
    target: target.name,
  };
  const plan = { ...about, datasets, ...found };
  if (isDryRun) return plan;
  refuse(plan);
  // It may have changed rows, and changed them back.
  if (datasets.length === 0) return plan;
  await session.write('replace');
  const unequal = await session.unequal('replace');
  if (unequal.length > 0)
    throw new HoldfastError(
      'E_RESTORE_DIFFERS',
      `rows do not read back as they were written: ${unequal.join(', ')}; nothing was changed`,
      { hint: 'A trigger may have changed them: disable it, then run this again.' },
    );
  await session.commit();
  return plan;
}

function refuse({ transaction, violations }: UndoPlan): void {
  if (violations.length === 0) return;
  throw new HoldfastError(
    'E_ROWS_REFUSED',
    `transaction ${transaction} cannot be reversed: ${violations.join('; ')}; nothing was changed`,
    {
      hint: 'Undo later changes first, or put back single rows: holdfast restore --rows, or holdfast diff --sql.',
      details: { violations: violations.length },
    },
  );
}

/** Stages what is to be written, and says what stands against it. */
async function look(
  session: RowSession,
  { reader, decoder }: BaseAndStream,
  datasets: readonly TransactionDataset[],
): Promise<Pick<UndoPlan, 'violations' | 'warnings'>> {
  const contents = contentsOf(reader);
  const changedSince: string[] = [];
  const warnings: string[] = [];
  for (const { dataset: name, columns, key, rows } of datasets) {
    const stored = datasetNamed(contents, name);
    const recordOf = decoder.recordWriter(stored);
    const toRestore = (
      records: readonly (Fields | null)[],
      removals: readonly ShownRow[] = [],
    ): RowsToRestore => ({
      dataset: stored,
      key: key.map((place) => columns[place] ?? ''),
      records: () =>
        asRecords(
          records.filter((row) => row !== null),
          recordOf,
        ),
      removals,
    });
    const left = rows.filter(({ after }) => after !== null).map(({ after }) => after);
    const removed = rows.filter(({ after }) => after === null).map(({ before }) => before);
    const isLeft = await session.compare(toRestore(left));
    const isRemoved = await session.compare(toRestore(removed));
    changedSince.push(
      ...named(name, isLeft.missing, 'is gone', 'are gone'),
      ...named(name, isLeft.different, 'has changed since', 'have changed since'),
      ...named(name, isRemoved.same, 'is there again', 'are there again'),
      ...named(name, isRemoved.different, 'is there again', 'are there again'),
    );
    const added = rows.flatMap(({ before, after }) =>
      before === null && after
        ? [Object.fromEntries(columns.map((column, i) => [column, after[i] ?? null]))]
        : [],
    );
    const staged = await session.stage(
      toRestore(
        rows.map(({ before }) => before),
        added,
      ),
    );
    warnings.push(...staged.warnings);
    if (staged.triggers.length > 0)
      warnings.push(`triggers of ${name} will fire: ${staged.triggers.join(', ')}`);
  }
  const violations = changedSince.length > 0 ? [] : await session.violations('replace');
  return { violations: [...changedSince, ...violations], warnings };
}

function named(dataset: string, { count, keys }: StandingRows, one: string, many: string): readonly string[] {
  if (count === 0) return [];
  const more = count > keys.length ? ' and more' : '';
  return [
    `${dataset}: ${plural(count, 'row')} ${count === 1 ? one : many}: ${keys.map((key) => `(${key})`).join(', ')}${more}`,
  ];
}

const NEWLINE = Buffer.from('\n');

async function* asRecords(
  rows: readonly Fields[],
  recordOf: (fields: Fields) => Uint8Array,
): AsyncGenerator<Uint8Array> {
  for (const row of rows) yield Buffer.concat([recordOf(row), NEWLINE]);
}
