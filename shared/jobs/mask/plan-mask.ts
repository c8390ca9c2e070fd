import { HoldfastError } from '../../core/errors.ts';
import { plural } from '../../core/plural.ts';
import type { BackupContents, StoredDataset } from '../../sources/contents.ts';
import type { FactsOfTables, TableFacts } from '../../sources/table-facts.ts';
import { tableProblems } from './column-problems.ts';
import { columnName, type Decision, Decisions, shownName } from './decisions.ts';
import type { MaskRules } from './rules.ts';

/** A table, and what becomes of its columns. */
export interface TableMask {
  readonly facts: TableFacts;
  /** One for each column, in their order. */
  readonly decisions: readonly Decision[];
}

/** What masking would do. */
export interface MaskPlan {
  readonly tables: readonly TableMask[];
  /** Datasets that the copy lacks. */
  readonly leftOut: readonly StoredDataset[];
  /** Columns without a rule, `public.customers.ssn (text)`: nothing is written while there is one. */
  readonly unclassified: readonly string[];
  /** What else is wrong with the rules. */
  readonly problems: readonly string[];
  readonly warnings: readonly string[];
}

/**
 * Decides what becomes of each column, and what stands against it.
 *
 * @param datasets names of those that are copied. @default all
 */
export function planMask(
  contents: Pick<BackupContents, 'datasets'>,
  { tables: all, leftOut, kept }: FactsOfTables,
  rules: MaskRules,
  datasets?: readonly string[] | undefined,
): MaskPlan {
  const decisions = new Decisions(all, rules);
  const wanted = all.filter(({ dataset }) => datasets?.includes(dataset) ?? true);
  const tables = wanted.map((facts) => ({
    facts,
    decisions: facts.columns.flatMap((column, place) => decisions.of(facts, column, place) ?? []),
  }));
  const known = new Set([
    ...all.map(({ dataset }) => dataset),
    ...[...leftOut, ...kept].map(({ name }) => name),
  ]);
  const others = contents.datasets.filter(({ kind, name }) => kind === 'data' && !known.has(name));
  const problems = [
    ...others.map(({ name }) => `${name} holds data that cannot be masked`),
    ...decisions.problems(),
    ...tables.flatMap(({ facts, decisions: own }) => tableProblems(facts, own)),
  ];
  return {
    tables,
    leftOut,
    unclassified: [...new Set(tables.flatMap(withoutRule))],
    problems: [...new Set(problems)],
    warnings: [...staleRules(all, rules), ...countedColumns(tables), ...leftOutWarning(leftOut)],
  };
}

function withoutRule({ facts, decisions }: TableMask): readonly string[] {
  const places = new Set(decisions.map(({ place }) => place));
  return facts.columns.flatMap(({ name, type }, place) =>
    places.has(place) ? [] : [`${shownName(columnName(facts.table, name))} (${type})`],
  );
}

/** Rules of tables and columns that the backup lacks: a name that is mistyped, or something that is gone. */
function staleRules(tables: readonly TableFacts[], rules: MaskRules): readonly string[] {
  return Object.entries(rules.tables).flatMap(([table, columns]) => {
    const own = tables.filter((facts) => facts.table === table);
    if (own.length === 0) return [`the rules name a table that is not there: ${table}`];
    const names = new Set(own.flatMap((facts) => facts.columns.map(({ name }) => name)));
    return Object.keys(columns)
      .filter((name) => !names.has(name))
      .map((name) => `the rules name a column that is not there: ${table}.${name}`);
  });
}

function countedColumns(tables: readonly TableMask[]): readonly string[] {
  const counted = tables.flatMap(({ decisions }) =>
    decisions.filter(({ column, function: of, follows }) => column.isCounted && of && !follows),
  );
  return counted.map(
    ({ name }) =>
      `the database numbers ${shownName(name)}, and it is masked: a new row may get a number that is already taken`,
  );
}

function leftOutWarning(leftOut: readonly StoredDataset[]): readonly string[] {
  const records = leftOut.reduce((sum, dataset) => sum + dataset.records, 0);
  if (records === 0) return [];
  return [`${leftOut.map(({ name }) => name).join(', ')} are left out: what is in them cannot be known`];
}

const MOST_NAMED = 50;

/** @throws E_MASK_RULES naming every column without a rule, and everything that stands against the others */
export function refuseProblems({
  unclassified,
  problems,
}: Pick<MaskPlan, 'unclassified' | 'problems'>): void {
  if (unclassified.length + problems.length === 0) return;
  const named = (list: readonly string[]) => {
    const more = list.length > MOST_NAMED ? ` and ${list.length - MOST_NAMED} more` : '';
    return list.slice(0, MOST_NAMED).join('; ') + more;
  };
  const without = unclassified.length === 0 ? [] : [`no rule covers ${named(unclassified)}`];
  throw new HoldfastError(
    'E_MASK_RULES',
    `${[...without, ...(problems.length > 0 ? [named(problems)] : [])].join('; ')}; nothing was written`,
    {
      details: { unclassified: unclassified.length, problems: problems.length },
      hint:
        unclassified.length > 0
          ? 'Give each a rule (`keep` leaves it as it is): `holdfast mask suggest KEY --rules FILE` adds suggestions.'
          : 'Choose other functions: docs/guide/masked-copies.md says what each of them keeps.',
    },
  );
}

/** For a plan: `mask 12 columns of 3 tables; 40 columns stay as they are`. */
export function maskStep({ tables }: MaskPlan): string {
  const masked = tables.flatMap(({ decisions }) => decisions.filter((decision) => decision.function));
  const touched = tables.filter(({ decisions }) => decisions.some((decision) => decision.function));
  const all = tables.reduce((sum, { decisions }) => sum + decisions.length, 0);
  return `mask ${plural(masked.length, 'column')} of ${plural(touched.length, 'table')} on the way; ${all - masked.length} stay as they are`;
}
