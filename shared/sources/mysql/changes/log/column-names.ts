import { PacketReader } from '../../connection/wire-values.ts';

/** Of the fields that describe a table's columns further; the others are of no use here. */
const COLUMN_NAME = 4;

/**
 * Names of a table's columns, from what its event says beside types and NULL: fields of a type, a length and a value each. Section
 * "Optional metadata fields" of the manual of Table_map_event.
 *
 * @returns undefined if the server does not log them: binlog_row_metadata is not FULL
 */
export function columnNames(metadata: Buffer): readonly string[] | undefined {
  const fields = new PacketReader(metadata);
  while (!fields.isAtEnd) {
    const type = fields.integer(1);
    const value = fields.bytes(fields.length());
    if (type === COLUMN_NAME) return namesIn(value);
  }
  return undefined;
}

function namesIn(value: Buffer): readonly string[] {
  const reader = new PacketReader(value);
  const names: string[] = [];
  while (!reader.isAtEnd) names.push(reader.bytes(reader.length()).toString('utf8'));
  return names;
}
