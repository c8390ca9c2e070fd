/** Where something begins in SQL text that is not inside a string, a quoted name, a body or a comment. */
export interface StatementMark {
  readonly kind: 'comment' | 'end';
  /** Of a comment, its first character; of an end, the one after the semicolon. */
  readonly at: number;
}

/** What hides other text in it, and what is looked for. Section "Lexical Structure" of the manual. */
const TOKEN =
  /--|\/\*|(?<![\w$\u0080-\uffff])[eE]'|'|"|(?<![\w$\u0080-\uffff])\$(?:[A-Za-z_\u0080-\uffff][\w\u0080-\uffff]*)?\$|[();]/g;

/**
 * Comments (`--`) and ends of statements, in order. A semicolon in parentheses ends nothing; one in a
 * `BEGIN ATOMIC` body does.
 */
export function* scanSql(text: string): Generator<StatementMark> {
  const token = new RegExp(TOKEN);
  let depth = 0;
  for (let match = token.exec(text); match !== null; match = token.exec(text)) {
    const [found] = match;
    if (found === '(') depth++;
    else if (found === ')') depth--;
    else if (found === ';') {
      if (depth <= 0) yield { kind: 'end', at: token.lastIndex };
    } else {
      if (found === '--') yield { kind: 'comment', at: match.index };
      token.lastIndex = endOf(text, found, token.lastIndex);
    }
  }
}

/** The statements, each with the white space and comments before it; what follows the last semicolon is the last. */
export function splitStatements(text: string): string[] {
  const statements: string[] = [];
  let start = 0;
  for (const { kind, at } of scanSql(text)) {
    if (kind !== 'end') continue;
    statements.push(text.slice(start, at));
    start = at;
  }
  if (start < text.length) statements.push(text.slice(start));
  return statements;
}

/** Where the text ends that `opening` has begun. */
function endOf(text: string, opening: string, from: number): number {
  if (opening === '--') return after(text, '\n', from);
  if (opening === '/*') return endOfComment(text, from);
  if (opening.startsWith('$')) return after(text, opening, from);
  const quote = opening === '"' ? '"' : "'";
  const isEscaped = opening.length === 2;
  for (let at = from; at < text.length; at++) {
    if (isEscaped && text[at] === '\\') at++;
    else if (text[at] === quote && text[at + 1] === quote) at++;
    else if (text[at] === quote) return at + 1;
  }
  return text.length;
}

/** Block comments nest. */
function endOfComment(text: string, from: number): number {
  let depth = 1;
  const edge = /\/\*|\*\//g;
  edge.lastIndex = from;
  for (let match = edge.exec(text); match !== null; match = edge.exec(text)) {
    depth += match[0] === '/*' ? 1 : -1;
    if (depth === 0) return edge.lastIndex;
  }
  return text.length;
}

function after(text: string, what: string, from: number): number {
  const at = text.indexOf(what, from);
  return at < 0 ? text.length : at + what.length;
}
