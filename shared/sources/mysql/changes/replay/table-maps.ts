import { HEADER_BYTES, type LogFormat, sealEvent, TYPE } from '../log/event.ts';
import { tableIdBytes } from '../log/payloads.ts';

/** The same event for a table of another database. */
export function mapInto(bytes: Buffer, database: string, format: LogFormat): Buffer {
  const nameAt = HEADER_BYTES + tableIdBytes(TYPE.tableMap, format) + 2;
  const length = bytes[nameAt] ?? 0;
  const name = Buffer.from(database);
  const renamed = Buffer.concat([
    bytes.subarray(0, nameAt),
    Buffer.from([name.length]),
    name,
    // From the zero byte behind the name on.
    bytes.subarray(nameAt + 1 + length),
  ]);
  return sealEvent(renamed, format.hasChecksums);
}
