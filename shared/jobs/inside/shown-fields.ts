import type { Fields } from '../../sources/rows.ts';

/** Some fields of a row as an answer of limited size gives them. */
export interface ShownFields {
  readonly values: Fields;
  /** Values that were cut: their places, and their whole lengths in characters. */
  readonly cut: readonly { readonly column: number; readonly characters: number }[];
  /** Of the values as JSON. */
  readonly bytes: number;
}

/** Cuts values that are longer than `mostCharacters`, between two characters. */
export function shownFields(fields: Fields, mostCharacters: number): ShownFields {
  const cut: { column: number; characters: number }[] = [];
  const values = fields.map((value, column) => {
    if (value === null || value.length <= mostCharacters) return value;
    cut.push({ column, characters: value.length });
    return value.slice(0, isPair(value, mostCharacters - 1) ? mostCharacters - 1 : mostCharacters);
  });
  return { values, cut, bytes: Buffer.byteLength(JSON.stringify(values)) };
}

/** Whether a character that takes two units begins at a place. */
function isPair(text: string, at: number): boolean {
  return (text.codePointAt(at) ?? 0) > 0xffff;
}
