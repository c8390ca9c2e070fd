/** Quoted for SQL whatever it holds. */
export function quoteName(name: string): string {
  return `\`${name.replaceAll('`', '``')}\``;
}

/** A text constant, for sessions whose sql_mode has no NO_BACKSLASH_ESCAPES. */
export function quoteText(text: string): string {
  return `'${text.replaceAll('\\', '\\\\').replaceAll("'", "''").replaceAll('\0', '\\0')}'`;
}

/** The name of a table's dataset, as a person would write it: `orders`, or in backticks if it is odd. */
export function displayName(name: string): string {
  return /^[\p{L}\p{N}_$-]+$/u.test(name) ? name : quoteName(name);
}
