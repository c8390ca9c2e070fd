/** A line of CSV (RFC 4180). NULL is empty, an empty text is `""`. */
export function csvRow(fields: readonly (string | null | undefined)[]): string {
  return `${fields.map(csvField).join(',')}\r\n`;
}

/** One field of it. */
export function csvField(field: string | null | undefined): string {
  if (field === null || field === undefined) return '';
  return field === '' || /[",\r\n]/.test(field) ? `"${field.replaceAll('"', '""')}"` : field;
}

/** A field, with quotes around it or without, and what ends it; of a quoted one, what stands behind the quotes belongs to it. */
const FIELD = /(?:"((?:[^"]|"")*)"?)?([^,\n]*)(,|\n|$)/y;

/** The records of CSV (RFC 4180), without those that are empty. */
export function parseCsv(text: string): readonly (readonly string[])[] {
  const field = new RegExp(FIELD);
  const records: string[][] = [[]];
  for (let end = ','; end !== ''; ) {
    const [, quoted = '', plain = '', found = ''] = field.exec(text) ?? [];
    records.at(-1)?.push(quoted.replaceAll('""', '"') + (found === ',' ? plain : plain.replace(/\r$/, '')));
    if (found === '\n') records.push([]);
    end = found;
  }
  return records.filter((record) => record.length > 1 || (record[0] ?? '') !== '');
}
