import type { MissingRange } from '../shared/jobs/repair/salvage-contents.ts';
import { bytes, number, plural } from './format.ts';

/** Most ranges to name one by one; the rest is counted, and in the JSON document. */
const MOST_NAMED = 100;

/** What is missing, one line per range. */
export function describeMissing(missing: readonly MissingRange[]): string {
  if (missing.length === 0) return 'nothing is missing\n';
  const records = missing.reduce((sum, range) => sum + range.records, 0);
  const size = missing.reduce((sum, { plainBytes }) => sum + plainBytes, 0);
  const lines = missing.slice(0, MOST_NAMED).map(describeRange);
  const more = missing.length - MOST_NAMED;
  if (more > 0) lines.push(`  and ${plural(more, 'more range')} (--json names them)\n`);
  return `MISSING: ${plural(records, 'record')}, ${bytes(size)}\n${lines.join('')}`;
}

function describeRange({
  dataset,
  partition,
  fromRecord,
  records,
  plainBytes,
  problem,
}: MissingRange): string {
  const which =
    records === 1
      ? `record ${number(fromRecord)}`
      : `records ${number(fromRecord)} to ${number(fromRecord + records - 1)}`;
  return `  ${dataset}, partition ${partition}: ${which} (${plural(records, 'record')}, ${bytes(plainBytes)})\n    ${problem}\n`;
}
