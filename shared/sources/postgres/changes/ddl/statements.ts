/** A piece of SQL that is neither white space nor a comment. */
export interface Token {
  /** `name`: in double quotes. `text`: any kind of string constant. */
  readonly kind: 'word' | 'name' | 'text' | 'number' | 'sign';
  /** Words in lower case, names without their quotes. */
  readonly value: string;
  readonly start: number;
  readonly end: number;
}

/** One statement of a text. */
export interface Statement {
  /** Without the semicolon. */
  readonly sql: string;
  readonly tokens: readonly Token[];
}

/** Section "Lexical Structure" of the manual, for sessions with `standard_conforming_strings`. */
const FORMS: readonly (readonly [Token['kind'] | undefined, RegExp])[] = [
  [undefined, /\s+|--[^\n]*/y],
  ['text', /[eE]'(?:[^'\\]|''|\\[\s\S])*'/y],
  ['text', /(?:[uU]&|[bBxXnN])?'(?:[^']|'')*'/y],
  ['text', /\$([A-Za-z_\u0080-\uffff][\w\u0080-\uffff]*)?\$[\s\S]*?\$\1\$/y],
  ['name', /(?:[uU]&)?"(?:[^"]|"")*"/y],
  ['word', /[A-Za-z_\u0080-\uffff][\w$\u0080-\uffff]*/y],
  ['number', /[.]?\d[\w.]*/y],
  ['sign', /[\s\S]/y],
];

/** The statements of a text that a client sent, without those that are empty. A semicolon in parentheses ends none. */
export function statementsOf(text: string): readonly Statement[] {
  const found: Statement[] = [];
  let tokens: Token[] = [];
  let depth = 0;
  const end = (): void => {
    const [first, last] = [tokens[0], tokens.at(-1)];
    if (first && last) found.push({ sql: text.slice(first.start, last.end), tokens });
    tokens = [];
  };
  for (const token of tokensOf(text)) {
    if (token.kind === 'sign' && token.value === '(') depth++;
    if (token.kind === 'sign' && token.value === ')') depth--;
    if (token.kind === 'sign' && token.value === ';' && depth <= 0) end();
    else tokens.push(token);
  }
  end();
  return found;
}

function* tokensOf(text: string): Generator<Token> {
  for (let at = 0; at < text.length; ) {
    if (text.startsWith('/*', at)) {
      at = endOfComment(text, at + 2);
      continue;
    }
    const { kind, value, end } = formAt(text, at);
    if (kind) yield { kind, value, start: at, end };
    at = end;
  }
}

function formAt(text: string, at: number) {
  for (const [kind, form] of FORMS) {
    form.lastIndex = at;
    const found = form.exec(text)?.[0];
    if (found === undefined) continue;
    const value = kind === 'word' ? found.toLowerCase() : kind === 'name' ? unquoted(found) : found;
    return { kind, value, end: at + found.length };
  }
  return { kind: undefined, value: '', end: text.length };
}

function unquoted(name: string): string {
  return name.slice(name.indexOf('"') + 1, -1).replaceAll('""', '"');
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
