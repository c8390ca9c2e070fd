/** How a database quotes names: with `"` (and backslashes are plain in strings), or with backticks (and they escape). */
export type NameQuote = '"' | '`';

/** The text in the parentheses that open at or after `from`, and where it ends; empty if none do. */
export function insideParentheses(
  text: string,
  quote: NameQuote,
  from = 0,
): { readonly inside: string; readonly end: number } {
  const open = text.indexOf('(', from);
  if (open < 0) return { inside: '', end: text.length };
  let depth = 0;
  for (let at = open; at < text.length; at = endOfToken(text, at, quote)) {
    if (text[at] === '(') depth++;
    else if (text[at] === ')' && --depth === 0) return { inside: text.slice(open + 1, at), end: at + 1 };
  }
  return { inside: text.slice(open + 1), end: text.length };
}

/** The parts of a list, cut at commas that are neither quoted nor in parentheses, without blanks around them. */
export function listParts(text: string, quote: NameQuote): string[] {
  const parts: string[] = [];
  let start = 0;
  let depth = 0;
  for (let at = 0; at < text.length; at = endOfToken(text, at, quote)) {
    const letter = text[at] ?? '';
    if (letter === '(' || letter === '[') depth++;
    else if (letter === ')' || letter === ']') depth--;
    else if (letter === ',' && depth === 0) {
      parts.push(text.slice(start, at).trim());
      start = at + 1;
    }
  }
  const last = text.slice(start).trim();
  return last === '' ? parts : [...parts, last];
}

/** Those of the names that a text mentions outside of strings, quoted or not. */
export function namesMentioned(text: string, names: readonly string[], quote: NameQuote): string[] {
  const words = new Set<string>();
  const word = /[\p{L}_][\p{L}\p{N}_$]*/uy;
  for (let at = 0; at < text.length; ) {
    word.lastIndex = at;
    const [found] = word.exec(text) ?? [];
    const end = found === undefined ? endOfToken(text, at, quote) : at + found.length;
    if (found !== undefined) words.add(found);
    else if (text[at] === quote) words.add(unquotedName(text.slice(at, end), quote));
    at = end;
  }
  return names.filter((name) => words.has(name));
}

/** A name as it is, from how it is written. */
export function unquotedName(text: string, quote: NameQuote): string {
  return text.startsWith(quote) ? text.slice(1, -1).replaceAll(quote + quote, quote) : text;
}

/** The name that a text begins with, and what follows it. */
export function leadingName(
  text: string,
  quote: NameQuote,
): { readonly name: string; readonly rest: string } {
  const trimmed = text.trimStart();
  const end = trimmed.startsWith(quote)
    ? endOfToken(trimmed, 0, quote)
    : (/^[^\s(),.]+/.exec(trimmed)?.[0].length ?? 0);
  return { name: unquotedName(trimmed.slice(0, end), quote), rest: trimmed.slice(end) };
}

/** After a string or a quoted name that begins there; else after the character. */
function endOfToken(text: string, from: number, quote: NameQuote): number {
  const opening = text[from];
  if (opening !== "'" && opening !== quote) return from + 1;
  const escapes =
    opening === "'" && (quote === '`' || /(?:^|[^\w$])[eE]$/.test(text.slice(Math.max(0, from - 2), from)));
  for (let at = from + 1; at < text.length; at++) {
    if (escapes && text[at] === '\\') at++;
    else if (text[at] === opening && text[at + 1] === opening) at++;
    else if (text[at] === opening) return at + 1;
  }
  return text.length;
}
