/** Quoted for SQL whatever it holds; does not depend on the server's keywords. */
export function quoteIdent(name: string): string {
  return `"${name.replaceAll('"', '""')}"`;
}

/** A string constant that means the same with and without `standard_conforming_strings`. */
export function quoteLiteral(text: string): string {
  const quoted = `'${text.replaceAll("'", "''").replaceAll('\\', '\\\\')}'`;
  return text.includes('\\') ? ` E${quoted}` : quoted;
}

/** The same in one line, as clients read scripts line by line. */
export function sqlLiteral(text: string): string {
  if (!/[\n\r]/.test(text)) return quoteLiteral(text).trimStart();
  const escaped = text.replaceAll("'", "''").replaceAll('\\', '\\\\');
  return `E'${escaped.replaceAll('\n', '\\n').replaceAll('\r', '\\r')}'`;
}

/** A name with its schema, quoted. */
export function quoteQualified(schema: string, name: string): string {
  return `${quoteIdent(schema)}.${quoteIdent(name)}`;
}

/**
 * The name of a table's dataset, as a person would write it: `public.orders`, `public."Odd.Name"`.
 * Keywords stay unquoted, so that the name does not change with the server's version.
 */
export function displayName(schema: string, name: string): string {
  return `${displayIdent(schema)}.${displayIdent(name)}`;
}

/** In quotes if SQL would otherwise read it differently. */
export function displayIdent(name: string): string {
  return /^[a-z_][a-z0-9_]*$/.test(name) ? name : quoteIdent(name);
}

/** Takes the names apart that a statement begins with (`shop."a.b" (integer)`), and what follows them. */
export function splitQualified(text: string): { readonly names: readonly string[]; readonly rest: string } {
  const names: string[] = [];
  const part = /("(?:[^"]|"")*"|[^\s".(]+)(\.?)/y;
  for (let match = part.exec(text); match !== null; match = match[2] === '' ? null : part.exec(text)) {
    const [, name = ''] = match;
    names.push(name.startsWith('"') ? name.slice(1, -1).replaceAll('""', '"') : name);
    if (match[2] === '') return { names, rest: text.slice(part.lastIndex) };
  }
  return { names, rest: '' };
}
