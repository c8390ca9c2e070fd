import { decodeText } from '../byte-text.ts';
import type { BackupContents } from '../contents.ts';
import type { RowReader } from '../rows.ts';
import { NUMBER_TYPE } from './copy/export-rows.ts';
import { type CopyAttributes, isTableAttributes, type TableAttributes } from './datasets/attributes.ts';
import { readPostData } from './restore/text.ts';
import { parseCopyRow } from './text/copy-text.ts';
import { splitQualified, sqlLiteral } from './text/identifiers.ts';

/** Rows of tables, sequences and large objects. A table's key is its primary key, as the backup's own definitions have it. */
export const readPostgresRows: RowReader = async (contents, { attributes }, signal, form) => {
  if (!('columns' in attributes)) return undefined;
  const { columns } = attributes as CopyAttributes;
  const key = isTableAttributes(attributes) ? await primaryKey(contents, attributes, signal) : [];
  const places = key.map((name) => columns.findIndex((column) => column.name === name));
  const written = form === 'sql' ? sqlLiteral : (text: string) => text;
  return {
    columns: columns.map(({ name, type }) => ({
      name,
      type,
      isNumber: form === 'shown' && NUMBER_TYPE.test(type),
    })),
    // A generated column may be part of a key, and has no value of its own here.
    key: places.includes(-1) ? [] : places,
    parse: (record, first) =>
      columns.length === 0
        ? []
        : parseCopyRow(decodeText(head(record, first))).map((field) =>
            field === undefined ? null : written(field),
          ),
  };
};

const TAB = 0x09;

/** A row's first fields; all of it if that is not said. */
function head(record: Uint8Array, fields: number | undefined): Uint8Array {
  let end = -1;
  for (let left = fields ?? 0; left > 0; left--) {
    end = record.indexOf(TAB, end + 1);
    if (end < 0) break;
  }
  return end < 0 ? record : record.subarray(0, end);
}

const PRIMARY_KEY =
  /^\s*ALTER TABLE (?:ONLY )?(.*?)\s+ADD CONSTRAINT .* PRIMARY KEY \((.*?)\)(?: INCLUDE |;| USING | DEFERRABLE | WITH )/s;

async function primaryKey(
  contents: BackupContents,
  { schema, table }: TableAttributes,
  signal: AbortSignal,
): Promise<readonly string[]> {
  for (const { type, sql, schema: inSchema } of await readPostData(contents, signal)) {
    const found = type === 'CONSTRAINT' && inSchema === schema ? PRIMARY_KEY.exec(sql) : null;
    if (found?.[2] !== undefined && splitQualified(found[1] ?? '').names[1] === table)
      return columnNames(found[2]);
  }
  return [];
}

/** `id, "Odd ""Name"""` and, of a key over time, `during WITHOUT OVERLAPS`. */
function columnNames(list: string): readonly string[] {
  return [...list.matchAll(/(?:"((?:[^"]|"")*)"|([^\s",]+))(?: WITHOUT OVERLAPS)?/g)].map(
    ([, quoted, plain = '']) => quoted?.replaceAll('""', '"') ?? plain,
  );
}
