import type { AuditFormat } from '../../core/api-names.ts';
import type { AuditEntry } from '../schema/status.ts';

const COLUMNS = ['at', 'action', 'outcome', 'by', 'sources', 'backups', 'about', 'run', 'report'] as const;
/** What a spreadsheet would take for a formula. */
const FORMULA = /^[=+\-@\t\r]/;

/** The trail as a file: CSV (RFC 4180), or one line of JSON per entry. */
export async function* auditFile(
  entries: AsyncIterable<AuditEntry>,
  format: AuditFormat,
): AsyncGenerator<Uint8Array> {
  const encoder = new TextEncoder();
  if (format === 'csv') yield encoder.encode(`${COLUMNS.join(',')}\r\n`);
  for await (const entry of entries)
    yield encoder.encode(format === 'csv' ? csvLine(entry) : `${JSON.stringify(entry)}\n`);
}

function csvLine(entry: AuditEntry): string {
  return `${COLUMNS.map((name) => cell(entry[name])).join(',')}\r\n`;
}

/** Quoted; with an apostrophe before a text that a spreadsheet would run. */
function cell(value: string | null | readonly string[]): string {
  const text = value === null ? '' : typeof value === 'string' ? value : value.join(' ');
  const safe = FORMULA.test(text) ? `'${text}` : text;
  return `"${safe.replaceAll('"', '""')}"`;
}
