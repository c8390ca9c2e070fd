/** A line of CSV (RFC 4180). NULL is empty, an empty text is `""`. */
export function csvRow(fields: readonly (string | null | undefined)[]): string {
  return `${fields.map(csvField).join(',')}\r\n`;
}

/** One field of it. */
export function csvField(field: string | null | undefined): string {
  if (field === null || field === undefined) return '';
  return field === '' || /[",\r\n]/.test(field) ? `"${field.replaceAll('"', '""')}"` : field;
}
