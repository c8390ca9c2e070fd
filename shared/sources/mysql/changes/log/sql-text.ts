/** A word, a name in backticks or quotes, or a sign. */
export interface Token {
  readonly kind: 'word' | 'name' | 'sign';
  /** Without its quotes. */
  readonly text: string;
  /** Where it stands. */
  readonly from: number;
  readonly to: number;
}

const SPACE = /\s+/y;
const COMMENT = /#[^\n]*|--(?=\s|$)[^\n]*|\/\*(?!M?!)[\s\S]*?(?:\*\/|$)/y;
/** What is only for some servers counts as said. */
const CONDITIONAL = /\/\*M?!\d*|\*\//y;
const STRING = /[a-zA-Z]?'(?:[^'\\]|\\[\s\S]|'')*'/y;
const QUOTED = /`((?:[^`]|``)*)`|"((?:[^"\\]|\\[\s\S]|"")*)"/y;
const WORD = /@{0,2}[\p{L}\p{N}_$]+/uy;

/** The words of a statement, up to a number, without texts and comments. */
export function tokensOf(sql: string, most = Number.POSITIVE_INFINITY): readonly Token[] {
  const tokens: Token[] = [];
  let at = 0;
  const match = (form: RegExp): RegExpExecArray | null => {
    form.lastIndex = at;
    return form.exec(sql);
  };
  while (at < sql.length && tokens.length < most) {
    const skipped = match(SPACE) ?? match(COMMENT) ?? match(CONDITIONAL) ?? match(STRING);
    if (skipped) {
      at += skipped[0].length;
      continue;
    }
    const quoted = match(QUOTED);
    const found = quoted ?? match(WORD);
    const length = found?.[0].length ?? 1;
    const text = quoted
      ? (quoted[1]?.replaceAll('``', '`') ?? quoted[2]?.replaceAll('""', '"') ?? '')
      : sql.slice(at, at + length);
    tokens.push({ kind: quoted ? 'name' : found ? 'word' : 'sign', text, from: at, to: at + length });
    at += length;
  }
  return tokens;
}

/** Whether the token is the first name before a dot: `shop` of `shop.orders.id`. */
export function isQualifier(tokens: readonly Token[], i: number): boolean {
  const token = tokens[i];
  if (!token || token.kind === 'sign') return false;
  return isDot(tokens[i + 1]) && !isDot(tokens[i - 1]) && tokens[i + 2]?.kind !== 'sign';
}

function isDot(token: Token | undefined): boolean {
  return token?.kind === 'sign' && token.text === '.';
}
