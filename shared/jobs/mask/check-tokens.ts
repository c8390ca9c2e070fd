/** A word of a condition. */
export interface Token {
  readonly kind: 'string' | 'number' | 'name' | 'word' | 'sign';
  /** Of a string or a quoted name, what it stands for; of a bare word as it is written. */
  readonly text: string;
}

const TOKEN =
  /\s+|(?<string>[eE_]?\w*'(?:[^'\\]|''|\\.)*')|(?<number>\d+(?:\.\d*)?(?:[eE][+-]?\d+)?)|(?<name>"(?:[^"]|"")*"|`(?:[^`]|``)*`)|(?<word>[\p{L}_][\p{L}\p{N}_$]*)|(?<sign>::|<>|!=|<=|>=|!~~\*?|!~\*?|~~\*?|~\*?|\|\||&&|[-+*/%<>=(),[\].])/suy;

/** The words of a condition as PostgreSQL and MySQL write it; undefined if some of it is not known. */
export function checkTokens(sql: string): readonly Token[] | undefined {
  const tokens: Token[] = [];
  const token = new RegExp(TOKEN);
  while (token.lastIndex < sql.length) {
    const groups = token.exec(sql)?.groups;
    if (token.lastIndex === 0) return undefined;
    const { string, number, name, word, sign } = groups ?? {};
    if (string !== undefined) tokens.push({ kind: 'string', text: stringOf(string) });
    else if (number !== undefined) tokens.push({ kind: 'number', text: number });
    else if (name !== undefined) tokens.push({ kind: 'name', text: nameOf(name) });
    else if (word !== undefined) tokens.push({ kind: 'word', text: word });
    else if (sign !== undefined) tokens.push({ kind: 'sign', text: sign });
  }
  return tokens;
}

function stringOf(written: string): string {
  const text = written.slice(written.indexOf("'") + 1, -1).replaceAll("''", "'");
  return /^[eE]'/.test(written) ? text.replaceAll(/\\(.)/gs, '$1') : text;
}

function nameOf(written: string): string {
  const quote = written.charAt(0);
  return written.slice(1, -1).replaceAll(quote + quote, quote);
}
