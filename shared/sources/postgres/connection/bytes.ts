import type pg from 'pg';
import { decodeText, encodeText } from '../../byte-text.ts';
import { ERROR_RESPONSE, errorFromResponse, RawSession, READY_FOR_QUERY } from './stream.ts';

const HEADER_BYTES = 5;
const QUERY = 0x51;
const ROW_DESCRIPTION = 0x54;
const DATA_ROW = 0x44;

/**
 * Runs SQL that is not all UTF-8, which the driver cannot send. Gives the rows of the last statement, all values as text.
 *
 * @throws pg.DatabaseError, Error when the connection is gone
 */
export async function queryBytes(client: pg.Client, sql: string): Promise<Record<string, string | null>[]> {
  const session = new RawSession(client);
  const text = encodeText(`${sql}\0`);
  const header = Buffer.alloc(HEADER_BYTES);
  header[0] = QUERY;
  header.writeInt32BE(text.length + 4, 1);
  session.send(Buffer.concat([header, text]));
  let rest: Buffer = Buffer.alloc(0);
  let names: readonly string[] = [];
  let rows: Record<string, string | null>[] = [];
  let error: Error | undefined;
  for (;;) {
    while (rest.length < HEADER_BYTES || rest.length < 1 + rest.readUInt32BE(1))
      rest = Buffer.concat([rest, await session.read()]);
    const length = 1 + rest.readUInt32BE(1);
    const body = rest.subarray(HEADER_BYTES, length);
    const type = rest[0];
    rest = rest.subarray(length);
    if (type === ERROR_RESPONSE) error ??= errorFromResponse(body);
    else if (type === ROW_DESCRIPTION) {
      names = columnNames(body);
      rows = [];
    } else if (type === DATA_ROW) {
      const values = rowValues(body);
      rows.push(Object.fromEntries(names.map((name, i) => [name, values[i] ?? null])));
    } else if (type === READY_FOR_QUERY) break;
  }
  session.release();
  if (error) throw error;
  return rows;
}

/** Section "Message Formats" of the manual: each name is followed by 18 bytes about its column. */
function columnNames(body: Buffer): string[] {
  const names: string[] = [];
  for (let at = 2; at < body.length; ) {
    const end = body.indexOf(0, at);
    names.push(body.toString('utf8', at, end));
    at = end + 1 + 18;
  }
  return names;
}

function rowValues(body: Buffer): (string | null)[] {
  const values: (string | null)[] = [];
  for (let at = 2; at < body.length; ) {
    const length = body.readInt32BE(at);
    at += 4;
    values.push(length < 0 ? null : decodeText(body.subarray(at, at + length)));
    at += Math.max(length, 0);
  }
  return values;
}
