import type { BackupContents } from '../../sources/contents.ts';
import { splitRecords } from '../../sources/rows.ts';
import type { ColumnFacts, FactsOfTables, TableFacts } from '../../sources/table-facts.ts';
import { tableProblems } from './column-problems.ts';
import { ContentLook } from './content-hints.ts';
import { columnName, Decisions, shownName } from './decisions.ts';
import { type Hint, hintOfName } from './name-hints.ts';
import { type MaskRule, type MaskRulesInput, parseMaskRules, type WrittenRule } from './rules.ts';

type WrittenTable = MaskRulesInput['tables'][string];

/** Rules for a backup, and what was found. */
export interface MaskSuggestion {
  readonly rules: MaskRulesInput;
  /** Columns for which no function fits: they have no rule yet. */
  readonly undecided: readonly string[];
  /** Columns that look personal, `public.customers.email`, of those that had no rule. */
  readonly personal: readonly string[];
  /** Columns that had no rule. */
  readonly added: number;
}

/** What rules are made from. */
export interface SuggestOptions {
  /** Rules that are there: they stay as they are. */
  readonly existing?: MaskRulesInput | undefined;
  /** Rows of each table that are looked at. @default 1000 */
  readonly rows?: number | undefined;
  readonly signal: AbortSignal;
}

const DEFAULT_ROWS = 1000;

/**
 * Rules that say something of every column: what looks personal, by its name or by its values, has a function, all else is kept; each
 * with the reason beside.
 *
 * @throws E_DAMAGED, E_STORE_*, E_ABORTED
 */
export async function suggestRules(
  contents: BackupContents,
  facts: FactsOfTables,
  { existing = { version: 1, tables: {} }, rows = DEFAULT_ROWS, signal }: SuggestOptions,
): Promise<MaskSuggestion> {
  const tables: Record<string, WrittenTable> = { ...existing.tables };
  const personal: string[] = [];
  let added = 0;
  for (const table of facts.tables) {
    const known = Object.hasOwn(tables, table.table) ? (tables[table.table] as WrittenTable) : {};
    const missing = table.columns.filter(({ name }) => !Object.hasOwn(known, name));
    if (missing.length === 0) continue;
    const looks = await lookAt(contents, table, { rows, signal });
    const found = missing.map(
      (column) => [column.name, ruleFor(table, column, looks.get(column.name))] as const,
    );
    added += found.length;
    tables[table.table] = { ...known, ...Object.fromEntries(found) };
  }
  const rules = withoutBroken({ ...existing, tables }, existing, facts.tables);
  const undecided: string[] = [];
  for (const { table, columns } of facts.tables)
    for (const { name } of columns) {
      const rule = rules.tables[table]?.[name];
      const shown = shownName(columnName(table, name));
      if (rule === undefined) undecided.push(shown);
      else if (existing.tables[table]?.[name] === undefined && !['keep', 'follow'].includes(maskOf(rule)))
        personal.push(shown);
    }
  return { rules, personal: [...new Set(personal)], undecided: [...new Set(undecided)], added };
}

function maskOf(rule: WrittenRule): string {
  return typeof rule === 'string' ? rule : rule.mask;
}

async function lookAt(
  contents: BackupContents,
  table: TableFacts,
  { rows, signal }: { readonly rows: number; readonly signal: AbortSignal },
): Promise<ReadonlyMap<string, ContentLook>> {
  const looks = table.columns.map(({ kind }) => new ContentLook(kind));
  const dataset = contents.datasets.find(({ name }) => name === table.dataset);
  let left = dataset ? rows : 0;
  for (const partition of dataset?.partitions ?? []) {
    if (left <= 0 || !dataset) break;
    for await (const record of splitRecords(contents.read(dataset, partition, signal))) {
      addTo(looks, table, record);
      if (--left <= 0) break;
    }
  }
  return new Map(table.columns.map(({ name }, place) => [name, looks[place] as ContentLook]));
}

function addTo(looks: readonly ContentLook[], { codec }: TableFacts, record: Uint8Array): void {
  for (const [place, field] of codec.split(record).entries()) {
    const text = codec.textOf(field, place);
    if (text !== null) looks[place]?.add(text);
  }
}

function ruleFor(table: TableFacts, column: ColumnFacts, look: ContentLook | undefined): MaskRule {
  const key = table.references.find(
    ({ columns, table: to }) => columns.includes(column.name) && to !== undefined,
  );
  if (key) return { mask: 'follow', because: `refers to ${key.table} (${key.name})` };
  const content = look?.found();
  const byName = hintOfName(column.name);
  const seen = content && `${content.count} of ${look?.values} values look like ${content.hint.what}`;
  const hint = content?.hint ?? (byName && isFor(byName, column) ? byName : undefined);
  if (hint) {
    const because = seen ?? `the name says ${hint.what}`;
    return fitting(hint, column, because);
  }
  return keepOrNull(column, look);
}

function isFor({ kinds }: Hint, { kind }: ColumnFacts): boolean {
  return kinds.includes(kind);
}

/** A function that the column can take. */
function fitting(hint: Hint, column: ColumnFacts, because: string): MaskRule {
  const { rule } = hint;
  if (column.kind === 'json') return { mask: 'json', paths: {}, rest: 'null', because };
  if (column.kind === 'integer') return { mask: rule.mask === 'noise' ? 'noise' : 'hash', because };
  return { ...rule, because };
}

/** What no look can vouch for is not kept. */
function keepOrNull({ kind, type, isNullable }: ColumnFacts, look: ContentLook | undefined): MaskRule {
  if (kind === 'json')
    return { mask: 'json', paths: {}, rest: 'null', because: 'a document may hold anything' };
  if (kind === 'bytes')
    return isNullable
      ? { mask: 'null', because: 'bytes may hold anything' }
      : { mask: 'hash', because: 'bytes may hold anything' };
  if (kind === 'other' && /tsvector|xml|hstore|\[\]$/.test(type) && isNullable)
    return { mask: 'null', because: `${type} may hold anything` };
  const values = look?.values ?? 0;
  return {
    mask: 'keep',
    because: values === 0 ? 'no value to look at' : `nothing personal in ${values} values`,
  };
}

/** Suggested rules that would break a key become `hash`; those that still would are left out: somebody has to decide. */
function withoutBroken(
  rules: MaskRulesInput,
  existing: MaskRulesInput,
  facts: readonly TableFacts[],
): MaskRulesInput {
  const hashed = changeBroken(rules, existing, facts, (rule) => ({
    mask: 'hash',
    because: `${rule.because ?? ''}; must stay unique`,
  }));
  return changeBroken(hashed, existing, facts, () => undefined);
}

function changeBroken(
  rules: MaskRulesInput,
  existing: MaskRulesInput,
  facts: readonly TableFacts[],
  change: (rule: Exclude<WrittenRule, string>) => WrittenRule | undefined,
): MaskRulesInput {
  const decisions = new Decisions(facts, parseMaskRules(rules));
  const between = decisions.problems();
  const tables = { ...rules.tables };
  for (const table of facts) {
    const all = table.columns.flatMap((column, place) => decisions.of(table, column, place) ?? []);
    const problems = [...tableProblems(table, all), ...between];
    for (const { column } of all) {
      const rule = tables[table.table]?.[column.name];
      const own = shownName(columnName(table.table, column.name));
      const isBroken = problems.some((text) => text.startsWith(`${own} `) || text.startsWith(`${own}:`));
      const isOld = existing.tables[table.table]?.[column.name] !== undefined;
      if (!isBroken || isOld || rule === undefined) continue;
      const changed = change(typeof rule === 'string' ? { mask: rule } : rule);
      const { [column.name]: _, ...others } = tables[table.table] ?? {};
      tables[table.table] =
        changed === undefined ? others : { ...tables[table.table], [column.name]: changed };
    }
  }
  return { ...rules, tables };
}
