import { HoldfastError } from '../../core/errors.ts';
import { encodeText } from '../byte-text.ts';
import type { BackupContents, StoredDataset } from '../contents.ts';
import type { Exporter } from '../target.ts';
import { csvHeader, csvRow, jsonRow } from './copy/export-rows.ts';
import { isTableAttributes, ROLES_DATASET, type TableAttributes } from './datasets/attributes.ts';
import { parseToc, type Toc, type TocEntry } from './pg-dump/toc.ts';
import { chooseDatasets } from './restore/choice.ts';
import { largeObjectPieceSql, largeObjectSql, sequenceValueSql } from './restore/large-objects.ts';
import { orderByKeys } from './restore/order.ts';
import { selectSchema } from './restore/selection.ts';
import { readDataset, readScript, withRole } from './restore/text.ts';
import { rolesSql } from './roles/restore-globals.ts';
import { copyRows, parseCopyRow } from './text/copy-text.ts';
import { quoteIdent, quoteQualified } from './text/identifiers.ts';

/** Rows put together before they are handed on. */
const BLOCK_CHARACTERS = 64 * 1024;

/** A backup of PostgreSQL as SQL that `psql` runs, or one table as CSV or NDJSON (docs/guide/restore.md). */
export const exportPostgres: Exporter = async function* (contents, { format, datasets, signal }) {
  if (format === 'json')
    throw new HoldfastError('E_USAGE', 'a backup of PostgreSQL has no json', {
      hint: 'Export it as sql, csv or ndjson.',
    });
  if (format === 'sql') yield* exportSql(contents, datasets, signal);
  else
    yield* exportRows(contents, await oneTable(contents, datasets, { format, signal }), { format, signal });
};

async function* exportRows(
  contents: BackupContents,
  dataset: StoredDataset,
  { format, signal }: { readonly format: 'csv' | 'ndjson'; readonly signal: AbortSignal },
): AsyncGenerator<Uint8Array> {
  const { columns } = dataset.attributes as TableAttributes;
  const toText =
    format === 'csv' ? csvRow : (fields: readonly (string | undefined)[]) => jsonRow(columns, fields);
  let text = format === 'csv' ? csvHeader(columns) : '';
  for await (const row of copyRows(readDataset(contents, dataset, signal))) {
    text += toText(columns.length === 0 ? [] : parseCopyRow(row));
    if (text.length < BLOCK_CHARACTERS) continue;
    yield encodeText(text);
    text = '';
  }
  yield encodeText(text);
}

async function oneTable(
  contents: BackupContents,
  names: readonly string[] | undefined,
  { format, signal }: { readonly format: string; readonly signal: AbortSignal },
): Promise<StoredDataset> {
  const pre = parseToc(await readScript(contents, 'pre-data', signal));
  const { datasets, asked } = chooseDatasets(contents.datasets, names, pre);
  const tables = datasets.filter(
    ({ name, attributes }) => isTableAttributes(attributes) && (asked?.has(name) ?? true),
  );
  const [only, ...others] = tables;
  if (only && others.length === 0) return only;
  const some = tables.slice(0, 5).map(({ name }) => name);
  const got = `${tables.length}${some.length > 0 ? `: ${some.join(', ')}${tables.length > some.length ? ' …' : ''}` : ''}`;
  throw new HoldfastError('E_USAGE', `${format} takes one table, got ${got}`, {
    hint: 'Name one table with --dataset, or export as sql.',
  });
}

async function* exportSql(
  contents: BackupContents,
  names: readonly string[] | undefined,
  signal: AbortSignal,
): AsyncGenerator<Uint8Array> {
  if (names?.includes(ROLES_DATASET)) {
    yield encodeText(await rolesSql(contents, signal));
    if (names.every((name) => name === ROLES_DATASET)) return;
  }
  yield* exportDatabase(
    contents,
    names?.filter((name) => name !== ROLES_DATASET),
    signal,
  );
}

async function* exportDatabase(
  contents: BackupContents,
  names: readonly string[] | undefined,
  signal: AbortSignal,
): AsyncGenerator<Uint8Array> {
  const pre = parseToc(await readScript(contents, 'pre-data', signal));
  const post = parseToc(await readScript(contents, 'post-data', signal));
  const { datasets, tables, asked } = chooseDatasets(contents.datasets, names, pre);
  const { preData, postData } =
    asked === undefined
      ? { preData: pre.entries, postData: post.entries }
      : selectSchema(tables, { pre, post, has: () => false, rebuilt: new Set() });
  const whole = datasets.filter(({ name }) => asked?.has(name) ?? true);
  yield script({ ...pre, preamble: `${pre.preamble.trimEnd()}\n${SETTINGS}\n` }, preData);
  for (const { datasets: tables, linked } of orderByKeys(whole)) {
    if (linked) yield Buffer.from(`\n${linked.before}`);
    for (const dataset of tables) {
      if (isTableAttributes(dataset.attributes))
        yield* copyBlock(contents, dataset, dataset.attributes, signal);
    }
    if (linked) yield Buffer.from(`\n${linked.after}`);
  }
  yield* otherData(contents, whole, signal);
  if (asked !== undefined && !whole.some(({ attributes }) => attributes['role'] === 'sequences'))
    yield* sequencesOf(contents, preData, signal);
  yield script({ ...post, preamble: '' }, postData);
}

/** Settings on which the rows depend and that pg_dump does not write. */
const SETTINGS = `SET array_nulls = on;\nSET transform_null_equals = off;\nSET lc_monetary = 'C';\nSET quote_all_identifiers = off;\n`;

/**
 * What pg_dump sets, no row depends on, and older servers lack: set if the server that reads the script has
 * it.
 */
const NEWER =
  /^SET (transaction_timeout|idle_in_transaction_session_timeout|row_security|default_table_access_method) = (0|off|heap);$/gm;

function forAnyServer(settings: string): string {
  return settings.replaceAll(
    NEWER,
    "SELECT pg_catalog.set_config(name, '$2', false) FROM pg_catalog.pg_settings WHERE name = '$1';",
  );
}

function script({ preamble }: Toc, entries: readonly TocEntry[]): Uint8Array {
  let text = forAnyServer(preamble);
  let inForce = '';
  for (const { name, type, schema, owner, sql, settings } of entries) {
    if (!text.endsWith('\n')) text += '\n\n\n';
    if (settings !== inForce) text += `${forAnyServer(settings)}\n`;
    inForce = settings;
    text += `--\n-- Name: ${name}; Type: ${type}; Schema: ${schema}; Owner: ${owner}\n--\n\n${sql}`;
  }
  return encodeText(text);
}

async function* copyBlock(
  contents: BackupContents,
  dataset: StoredDataset,
  { schema, table, columns }: TableAttributes,
  signal: AbortSignal,
): AsyncGenerator<Uint8Array> {
  if (dataset.records === 0) return;
  const names = columns.map(({ name }) => quoteIdent(name)).join(', ');
  yield Buffer.from(`\nCOPY ${quoteQualified(schema, table)}${names && ` (${names})`} FROM stdin;\n`);
  yield* readDataset(contents, dataset, signal);
  yield Buffer.from('\\.\n\n');
}

async function* otherData(
  contents: BackupContents,
  datasets: readonly StoredDataset[],
  signal: AbortSignal,
): AsyncGenerator<Uint8Array> {
  const all = { replace: false, noOwner: false, noPrivileges: false };
  const roles = [
    { role: 'sequences', toSql: sequenceValueSql },
    { role: 'large-objects', toSql: (row: readonly (string | undefined)[]) => largeObjectSql(row, all) },
    { role: 'large-object-data', toSql: largeObjectPieceSql },
  ] as const;
  for (const { role, toSql } of roles) {
    for (const dataset of withRole(datasets, role)) {
      for await (const row of copyRows(readDataset(contents, dataset, signal)))
        yield encodeText(toSql(parseCopyRow(row)));
    }
  }
}

/** Values of the sequences that were made for some tables. */
async function* sequencesOf(
  contents: BackupContents,
  entries: readonly TocEntry[],
  signal: AbortSignal,
): AsyncGenerator<Uint8Array> {
  const made = new Set(
    entries
      .filter(({ type }) => type === 'SEQUENCE')
      .map(({ schema, name }) => JSON.stringify([schema, name])),
  );
  for (const dataset of withRole(contents.datasets, 'sequences')) {
    for await (const row of copyRows(readDataset(contents, dataset, signal))) {
      const fields = parseCopyRow(row);
      if (made.has(JSON.stringify([fields[0], fields[1]]))) yield Buffer.from(sequenceValueSql(fields));
    }
  }
}
