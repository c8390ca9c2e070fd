import { Cursor, check, unzstd } from './bytes.ts';
import { columns } from './columns.ts';

/** The chunk that codec 5 holds as shapes and their values. */
export function shapes(stored: Buffer, maxBytes: number, seen: Set<string>): Buffer {
  const cursor = new Cursor(stored);
  const [bytes = 0, rows = 0, count = 0] = cursor.many(3, () => cursor.varint());
  check(rows >= 1 && rows <= bytes && bytes <= maxBytes, 'a chunk is too large, or has no rows');
  check(count >= 1 && count <= 255, 'a chunk has no shapes, or too many');
  const forms = cursor.many(count, () => cursor.take(cursor.varint()).toString('latin1'));
  check(
    forms.every((form) => form.includes('\t') && !form.includes('\n')),
    'a shape has no value, or more than one line',
  );
  const item = (codecs: readonly number[]) => {
    const part = new Cursor(cursor.take(cursor.varint()));
    const codec = part.u8();
    check(codecs.includes(codec), 'a part of shapes has another codec');
    seen.add(`part ${codec} of shapes`);
    const rest = part.rest();
    if (codec === 4) return columns(rest, bytes, seen);
    return codec === 1 ? unzstd(rest, bytes) : rest;
  };
  const numbers = count === 1 ? Buffer.alloc(rows) : item([0, 1]);
  check(numbers.length === rows, 'not every row has a shape');
  const parts = forms.map(() => item([0, 1, 4]));
  cursor.end();
  check(parts.reduce((sum, { length }) => sum + length, 0) <= bytes, 'values are larger than the chunk');
  const tables = parts.map((part) => part.toString('latin1').split('\n'));
  const next = forms.map(() => 0);
  const records = [...numbers].map((number) => {
    check(number < count, 'a row has a shape that there is not');
    const values = tables[number]![next[number]!++]!.split('\t');
    const signs = forms[number]!.split('\t');
    check(values.length === signs.length - 1, 'a row has another number of values than its shape');
    return `${signs[0]}${values.map((value, at) => value + signs[at + 1]!).join('')}\n`;
  });
  check(
    tables.every((table, at) => next[at] === table.length - 1 && table.at(-1) === ''),
    'values are left over',
  );
  const result = Buffer.from(records.join(''), 'latin1');
  check(result.length === bytes, 'the records have other bytes than is said');
  return result;
}
