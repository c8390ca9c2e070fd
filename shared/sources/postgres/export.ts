import { HoldfastError } from '../../core/errors.ts';
import type { BackupContents, Exporter, StoredDataset } from '../target.ts';
import { copyRows, parseCopyRow } from './copy-text.ts';
import { isTableAttributes, type TableAttributes } from './datasets-attributes.ts';
import { csvHeader, csvRow, jsonRow } from './export-rows.ts';
import { quoteIdent, quoteQualified } from './identifiers.ts';
import { largeObjectPieceSql, largeObjectSql, sequenceValueSql } from './restore-large-objects.ts';
import { selectSchema } from './restore-selection.ts';
import { readDataset, readScript, withRole } from './restore-text.ts';
import { parseToc, type Toc, type TocEntry } from './toc.ts';

/** Rows put together before they are handed on. */
const BLOCK_CHARACTERS = 64 * 1024;

/** A backup of PostgreSQL as SQL that `psql` runs, or one table as CSV or NDJSON (docs/restore.md). */
export const exportPostgres: Exporter = async function* (contents, { format, datasets, signal }) {
  if (format === 'sql') yield* exportSql(contents, datasets, signal);
  else yield* exportRows(contents, oneTable(contents, datasets, format), { format, signal });
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
    yield Buffer.from(text);
    text = '';
  }
  yield Buffer.from(text);
}

function oneTable(
  contents: BackupContents,
  names: readonly string[] | undefined,
  format: string,
): StoredDataset {
  const tables = contents.datasets.filter(
    ({ name, attributes }) => isTableAttributes(attributes) && (names?.includes(name) ?? true),
  );
  const [only, ...others] = tables;
  if (only && others.length === 0) return only;
  throw new HoldfastError('E_USAGE', `${format} takes one table, got ${tables.length}`, {
    hint: 'Name one table with --dataset, or export as sql.',
  });
}

async function* exportSql(
  contents: BackupContents,
  names: readonly string[] | undefined,
  signal: AbortSignal,
): AsyncGenerator<Uint8Array> {
  const pre = parseToc(await readScript(contents, 'pre-data', signal));
  const post = parseToc(await readScript(contents, 'post-data', signal));
  const datasets = contents.datasets.filter(
    ({ name, kind }) => kind === 'data' && (names?.includes(name) ?? true),
  );
  const { preData, postData } =
    names === undefined
      ? { preData: pre.entries, postData: post.entries }
      : selectSchema(datasets, { pre, post, has: () => false });
  yield script(pre, preData);
  for (const dataset of datasets) {
    if (isTableAttributes(dataset.attributes))
      yield* copyBlock(contents, dataset, dataset.attributes, signal);
  }
  yield* otherData(contents, datasets, signal);
  if (names !== undefined) yield* sequencesOf(contents, preData, signal);
  yield script({ ...post, preamble: '' }, postData);
}

function script({ preamble }: Toc, entries: readonly TocEntry[]): Uint8Array {
  const header = ({ name, type, schema, owner }: TocEntry) =>
    `--\n-- Name: ${name}; Type: ${type}; Schema: ${schema}; Owner: ${owner}\n--\n\n`;
  return Buffer.from(preamble + entries.map((entry) => header(entry) + entry.sql + entry.settings).join(''));
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
        yield Buffer.from(toSql(parseCopyRow(row)));
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
