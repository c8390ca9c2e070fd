import { HoldfastError } from '../../core/errors.ts';
import { encodeText } from '../byte-text.ts';
import type { BackupContents, StoredDataset } from '../contents.ts';
import { splitRecords } from '../rows.ts';
import type { Exporter } from '../target.ts';
import { isTableAttributes, type TableAttributes } from './datasets/attributes.ts';
import { chooseObjects } from './restore/choice.ts';
import { csvHeader, csvRow, jsonRow, textsOf } from './rows/export-rows.ts';
import { InsertStatements, type StatementPiece } from './rows/insert-statements.ts';
import { parseRecord } from './rows/record-values.ts';
import type { SchemaObject } from './schema/objects.ts';
import { readStoredSchema } from './schema/stored.ts';
import { quoteName, quoteText } from './text/identifiers.ts';

/** Rows put together before they are handed on. */
const BLOCK_CHARACTERS = 64 * 1024;

/** A backup of MySQL or MariaDB as SQL that their client runs, or one table as CSV or NDJSON. */
export const exportMysql: Exporter = async function* (contents, { format, datasets, signal }) {
  if (format === 'json')
    throw new HoldfastError('E_USAGE', 'a backup of MySQL has no json', {
      hint: 'Export it as sql, csv or ndjson.',
    });
  if (format === 'sql') yield* exportSql(contents, datasets, signal);
  else yield* exportRows(contents, oneTable(contents, datasets, format), format, signal);
};

function oneTable(
  { datasets }: BackupContents,
  names: readonly string[] | undefined,
  format: string,
): StoredDataset {
  const tables = datasets.filter(({ attributes }) => isTableAttributes(attributes));
  const { datasets: chosen } = chooseObjects(tables, [], names);
  const [only, ...others] = chosen;
  if (only && others.length === 0) return only;
  throw new HoldfastError('E_USAGE', `${format} holds one table; this would be ${chosen.length}`, {
    hint: 'Name one with --dataset, or export sql.',
  });
}

async function* exportRows(
  contents: BackupContents,
  dataset: StoredDataset,
  format: 'csv' | 'ndjson',
  signal: AbortSignal,
): AsyncGenerator<Uint8Array> {
  const { columns } = dataset.attributes as TableAttributes;
  const texts = textsOf(columns);
  let text = format === 'csv' ? csvHeader(columns) : '';
  for (const partition of dataset.partitions) {
    for await (const record of splitRecords(contents.read(dataset, partition, signal))) {
      const values = columns.length === 0 ? [] : parseRecord(record);
      text += format === 'csv' ? csvRow(values, texts) : jsonRow(columns, values, texts);
      if (text.length < BLOCK_CHARACTERS) continue;
      yield Buffer.from(text);
      text = '';
    }
  }
  if (text !== '') yield Buffer.from(text);
}

/** What a script needs to mean the same whatever the session of its reader is set to, as mysqldump's comments have it. */
const HEAD = `SET NAMES utf8mb4;
SET time_zone = '+00:00';
SET sql_mode = 'NO_AUTO_VALUE_ON_ZERO,ALLOW_INVALID_DATES';
SET foreign_key_checks = 0;
`;
const HISTORY = 'SET system_versioning_insert_history = 1;\n';
const TAIL = 'SET foreign_key_checks = 1;\n';

async function* exportSql(
  contents: BackupContents,
  names: readonly string[] | undefined,
  signal: AbortSignal,
): AsyncGenerator<Uint8Array> {
  const stored = await readStoredSchema(contents, signal);
  const { objects, datasets } = chooseObjects(contents.datasets, stored, names);
  const isVersioned = datasets.some(({ attributes }) => attributes['isVersioned'] === true);
  yield encodeText(HEAD + (isVersioned ? HISTORY : ''));
  const ofType = (...types: readonly SchemaObject['type'][]) =>
    objects.filter(({ type, broken }) => types.includes(type) && broken === undefined);
  yield encodeText(ofType('sequence').map(sequenceText).join(''));
  yield encodeText(
    ofType('table')
      .map(({ sql }) => `\n${sql};\n`)
      .join(''),
  );
  for (const dataset of datasets) yield* insertsOf(contents, dataset, signal);
  yield encodeText(ofType('package', 'function', 'procedure', 'package body').map(storedText).join(''));
  yield encodeText(ofType('view', 'trigger', 'event').map(storedText).join('') + TAIL);
}

function sequenceText({ name, sql, next = '1' }: SchemaObject): string {
  return `\n${sql};\nDO SETVAL(${quoteName(name)}, ${next}, 0);\n`;
}

async function* insertsOf(
  contents: BackupContents,
  dataset: StoredDataset,
  signal: AbortSignal,
): AsyncGenerator<Uint8Array> {
  const { attributes } = dataset;
  if (!isTableAttributes(attributes) || dataset.records === 0) return;
  const statements = new InsertStatements(attributes);
  const script = new ScriptOfStatements();
  yield Buffer.from('\n');
  for (const partition of dataset.partitions)
    for await (const block of contents.read(dataset, partition, signal))
      for (const piece of statements.feed(block)) yield script.textOf(piece);
  for (const piece of statements.finish()) yield script.textOf(piece);
}

/** Statements as a script has them: without the byte of the command, with a semicolon. */
class ScriptOfStatements {
  #isInside = false;

  textOf({ bytes, isLast }: StatementPiece): Uint8Array {
    const text = this.#isInside ? bytes : bytes.subarray(1);
    this.#isInside = !isLast;
    return isLast ? Buffer.concat([text, Buffer.from(';\n')]) : text;
  }
}

/** The client would end the statement at the first semicolon of a body. */
const END = '$$holdfast$$';

function storedText({ sql, charset, collation, sqlMode, timeZone }: SchemaObject): string {
  const settings = [
    ...(charset === undefined ? [] : [`character_set_client = ${charset}`]),
    ...(collation === undefined ? [] : [`collation_connection = ${collation}`]),
    ...(timeZone === undefined ? [] : [`time_zone = ${quoteText(timeZone)}`]),
    ...(sqlMode === undefined ? [] : [`sql_mode = ${quoteText(sqlMode)}`]),
  ];
  return `
SET ${settings.join(', ')};
DELIMITER ${END}
${sql} ${END}
DELIMITER ;
${HEAD.split('\n').slice(0, 3).join('\n')}
`;
}
