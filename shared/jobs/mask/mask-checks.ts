import type { BackupContents } from '../../sources/contents.ts';
import { splitRecords } from '../../sources/rows.ts';
import type { CheckFacts, ColumnFacts } from '../../sources/table-facts.ts';
import { fulfils } from './check-expression.ts';
import type { Value } from './check-values.ts';
import type { Decision } from './decisions.ts';
import type { Keyed } from './keyed.ts';
import type { MaskPlan, TableMask } from './plan-mask.ts';
import { RowMasker } from './row-masker.ts';
import type { MaskRules } from './rules.ts';

/** Rows of each partition that are tried before anything is written. */
const TRIED_ROWS = 1000;

/**
 * Which conditions of tables masked values would break, tried with the first rows of each partition. A condition that cannot be
 * understood here counts as broken, unless the rules trust it.
 *
 * @throws E_DAMAGED, E_STORE_*, E_ABORTED
 */
export async function conditionProblems(
  contents: BackupContents,
  plan: MaskPlan,
  {
    rules,
    keyed,
    signal,
  }: { readonly rules: MaskRules; readonly keyed: Keyed; readonly signal: AbortSignal },
): Promise<readonly string[]> {
  const problems: string[] = [];
  for (const table of plan.tables) {
    const checks = table.facts.checks.filter(
      (check) => isTouched(check, table) && !rules.trustChecks?.includes(check.name),
    );
    if (checks.length > 0)
      problems.push(...(await tableProblems(contents, { table, checks, keyed, signal })));
  }
  return [...new Set(problems)];
}

function isTouched({ columns }: CheckFacts, { decisions }: TableMask): boolean {
  return decisions.some(({ column, function: of }) => of && columns.includes(column.name));
}

async function tableProblems(
  contents: BackupContents,
  {
    table: { facts, decisions },
    checks,
    keyed,
    signal,
  }: {
    readonly table: TableMask;
    readonly checks: readonly CheckFacts[];
    readonly keyed: Keyed;
    readonly signal: AbortSignal;
  },
): Promise<readonly string[]> {
  const masker = new RowMasker(facts, decisions, keyed);
  const open = new Set(checks);
  const problems: string[] = [];
  for await (const record of firstRecords(contents, facts.dataset, signal)) {
    if (open.size === 0) return problems;
    const fields = facts.codec.split(masker.mask(record));
    const places = new Map(facts.columns.map(({ name }, place) => [name, place]));
    const row = (name: string): Value | undefined => {
      const place = places.get(name);
      const column = place === undefined ? undefined : facts.columns[place];
      return column && valueIn(facts.codec.textOf(fields[place ?? 0] as Uint8Array, place ?? 0), column);
    };
    for (const check of open) {
      const found = fulfils(check.sql, row);
      if (found === true) continue;
      open.delete(check);
      problems.push(problemOf(check, facts.table, found, decisions));
    }
  }
  return problems;
}

async function* firstRecords(
  contents: BackupContents,
  name: string,
  signal: AbortSignal,
): AsyncGenerator<Uint8Array> {
  const dataset = contents.datasets.find((one) => one.name === name);
  for (const partition of dataset?.partitions ?? []) {
    let left = TRIED_ROWS;
    if (!dataset) return;
    for await (const record of splitRecords(contents.read(dataset, partition, signal))) {
      yield record;
      if (--left <= 0) break;
    }
  }
}

function valueIn(text: string | null, { kind, type }: ColumnFacts): Value {
  if (text === null) return null;
  if (kind === 'integer' || kind === 'decimal' || kind === 'float') return Number(text);
  return type === 'boolean' ? text === 't' : text;
}

function problemOf(
  { name, sql, columns }: CheckFacts,
  table: string,
  found: boolean | undefined,
  decisions: readonly Decision[],
): string {
  const masked = decisions.filter(({ column, function: of }) => of && columns.includes(column.name));
  const shown = masked.map(({ column, rule }) => `${column.name} by ${rule.mask}`).join(', ');
  return found === false
    ? `masked values break the check ${name} of ${table} (${sql}): ${shown}`
    : `masked values may break the check ${name} of ${table} (${sql}), which cannot be evaluated here: ${shown}; if you know that it holds, name it in trustChecks`;
}
