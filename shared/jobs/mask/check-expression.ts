import { checkTokens, type Token } from './check-tokens.ts';
import { compared, must, negated, UnknownPart, type Value } from './check-values.ts';

/** The values of a row by the names of its columns. */
export type CheckRow = (column: string) => Value | undefined;

/**
 * Whether a row fulfils a condition: as in SQL, one that is neither true nor false is fulfilled.
 *
 * @returns undefined if the condition has something that is not known here
 */
export function fulfils(sql: string, row: CheckRow): boolean | undefined {
  const tokens = checkTokens(sql);
  if (!tokens) return undefined;
  try {
    const found = new Reader(tokens, row).whole();
    return found !== false && found !== 0;
  } catch (error) {
    if (error instanceof UnknownPart) return undefined;
    throw error;
  }
}

const COMPARING = new Set([
  '=',
  '<>',
  '!=',
  '<',
  '>',
  '<=',
  '>=',
  '~',
  '~*',
  '!~',
  '!~*',
  '~~',
  '~~*',
  '!~~',
  '!~~*',
]);

/** Reads a condition and computes it as it goes: every part is computed, as none has an effect. */
class Reader {
  readonly #tokens: readonly Token[];
  readonly #row: CheckRow;
  #at = 0;

  constructor(tokens: readonly Token[], row: CheckRow) {
    this.#tokens = tokens;
    this.#row = row;
  }

  whole(): Value {
    const value = this.#or();
    must(this.#at === this.#tokens.length);
    return value;
  }

  #or(): Value {
    let value = this.#and();
    while (this.#takes('OR')) {
      const other = this.#and();
      value = anyOf([value, other]);
    }
    return value;
  }

  #and(): Value {
    let value = this.#not();
    while (this.#takes('AND')) {
      const other = this.#not();
      value = both(value, other);
    }
    return value;
  }

  #not(): Value {
    return this.#takes('NOT') ? negated(this.#not()) : this.#comparison();
  }

  #comparison(): Value {
    const left = this.#sum();
    const sign = this.#peek();
    if (sign?.kind === 'sign' && COMPARING.has(sign.text)) {
      this.#at++;
      const quantity = ['ANY', 'ALL'].find((word) => this.#takes(word));
      if (quantity === undefined) return compared(sign.text, left, this.#sum());
      return this.#overList(sign.text, left, quantity === 'ANY');
    }
    if (this.#takes('IS')) return this.#is(left);
    const isNegated = this.#takes('NOT');
    const found = this.#wordComparison(left);
    if (found === undefined) {
      must(!isNegated);
      return left;
    }
    return isNegated ? negated(found) : found;
  }

  #is(left: Value): Value {
    const isNegated = this.#takes('NOT');
    const found = this.#takes('NULL')
      ? left === null
      : this.#takes('TRUE')
        ? left === true
        : must(this.#takes('FALSE')) && left === false;
    return isNegated ? !found : found;
  }

  #wordComparison(left: Value): Value | undefined {
    if (this.#takes('BETWEEN')) {
      const from = compared('>=', left, this.#sum());
      must(this.#takes('AND'));
      const to = compared('<=', left, this.#sum());
      return both(from, to);
    }
    if (this.#takes('IN')) return anyOf(this.#list('(', ')').map((one) => compared('=', left, one)));
    if (this.#takes('LIKE')) return compared('~~*', left, this.#sum());
    if (this.#takes('REGEXP') || this.#takes('RLIKE')) return compared('~*', left, this.#sum());
    return undefined;
  }

  #overList(sign: string, left: Value, isAny: boolean): Value {
    must(this.#takes('('));
    const list = this.#array();
    must(this.#takes(')'));
    const found = list.map((one) => compared(sign, left, one));
    const ends = isAny;
    return found.includes(ends) ? ends : found.includes(null) ? null : !ends;
  }

  /** `ARRAY['a'::text, 'b'::text]`, which may be in parentheses and be cast. */
  #array(): readonly Value[] {
    let open = 0;
    while (this.#takes('(')) open++;
    must(this.#takes('ARRAY'));
    const list = this.#list('[', ']');
    for (this.#casts(''); open > 0; open--) {
      must(this.#takes(')'));
      this.#casts('');
    }
    return list;
  }

  #list(open: string, close: string): readonly Value[] {
    must(this.#takes(open));
    const list: Value[] = [];
    if (this.#takes(close)) return list;
    do list.push(this.#or());
    while (this.#takes(','));
    must(this.#takes(close));
    return list;
  }

  #sum(): Value {
    let value = this.#product();
    for (;;) {
      const sign = ['+', '-', '||'].find((one) => this.#takes(one));
      if (sign === undefined) return value;
      const other = this.#product();
      if (value === null || other === null) value = null;
      else if (sign === '||') value = `${value}${other}`;
      else value = sign === '+' ? numberOf(value) + numberOf(other) : numberOf(value) - numberOf(other);
    }
  }

  #product(): Value {
    let value = this.#cast();
    for (;;) {
      const sign = ['*', '/', '%'].find((one) => this.#takes(one));
      if (sign === undefined) return value;
      const other = this.#cast();
      // Whether `/` is one of whole numbers depends on types.
      must(sign !== '/');
      if (value === null || other === null) value = null;
      else value = sign === '*' ? numberOf(value) * numberOf(other) : numberOf(value) % numberOf(other);
    }
  }

  #cast(): Value {
    if (this.#takes('-')) {
      const value = this.#cast();
      return value === null ? null : -numberOf(value);
    }
    return this.#casts(this.#primary());
  }

  #casts(value: Value): Value {
    let made = value;
    while (this.#takes('::')) {
      const type = this.#typeName();
      if (made !== null && /^(numeric|integer|bigint|smallint|real|double)/.test(type)) made = numberOf(made);
      else
        must(
          /^(text|character|date|timestamp|bpchar|name|citext|json|boolean|inet|uuid)/.test(type) ||
            made === '',
        );
    }
    return made;
  }

  #typeName(): string {
    const words: string[] = [];
    for (let next = this.#peek(); next?.kind === 'word' || next?.kind === 'name'; next = this.#peek()) {
      if (/^(and|or|is|not|between|in|like)$/i.test(next.text)) break;
      words.push(next.text);
      this.#at++;
      if (this.#takes('.')) words.pop();
    }
    if (this.#takes('(')) while (!this.#takes(')')) this.#at++;
    while (this.#takes('[')) must(this.#takes(']'));
    return words.join(' ').toLowerCase();
  }

  #primary(): Value {
    if (this.#takes('(')) {
      const value = this.#or();
      must(this.#takes(')'));
      return value;
    }
    const token = this.#peek();
    this.#at++;
    if (token?.kind === 'string') return token.text;
    if (token?.kind === 'number') return Number(token.text);
    must(token?.kind === 'name' || token?.kind === 'word');
    const { text = '', kind = 'word' } = token ?? {};
    if (kind === 'word' && /^(true|false|null)$/i.test(text)) return CONSTANTS[text.toLowerCase()] ?? null;
    if (kind === 'word' && this.#peek()?.text === '(' && this.#peek()?.kind === 'sign')
      return called(text.toLowerCase(), this.#list('(', ')'));
    const value = this.#row(text);
    must(value !== undefined);
    return value ?? null;
  }

  #peek(): Token | undefined {
    return this.#tokens[this.#at];
  }

  #takes(text: string): boolean {
    const next = this.#peek();
    const isIt = (next?.kind === 'word' || next?.kind === 'sign') && next.text.toUpperCase() === text;
    if (isIt) this.#at++;
    return isIt;
  }
}

const CONSTANTS: Readonly<Record<string, Value>> = { true: true, false: false, null: null };

function both(one: Value, other: Value): Value {
  if (one === false || other === false) return false;
  return one === null || other === null ? null : true;
}

function anyOf(found: readonly Value[]): Value {
  if (found.includes(true)) return true;
  return found.includes(null) ? null : false;
}

function numberOf(value: Value): number {
  const number = typeof value === 'boolean' ? Number.NaN : Number(value);
  must(!Number.isNaN(number));
  return number;
}

function called(name: string, list: readonly Value[]): Value {
  if (name === 'coalesce') return list.find((value) => value !== null) ?? null;
  must(list.length === 1);
  const [value = null] = list;
  if (value === null) return null;
  const text = String(value);
  switch (name) {
    case 'char_length':
    case 'character_length':
      return [...text].length;
    case 'length':
    case 'octet_length':
      return Buffer.byteLength(text);
    case 'lower':
    case 'lcase':
      return text.toLowerCase();
    case 'upper':
    case 'ucase':
      return text.toUpperCase();
    case 'trim':
    case 'btrim':
      return text.replaceAll(/^ +| +$/g, '');
    case 'abs':
      return Math.abs(numberOf(value));
    case 'json_valid':
      return isJson(text);
    default:
      throw new UnknownPart();
  }
}

function isJson(text: string): boolean {
  try {
    JSON.parse(text);
    return true;
  } catch {
    return false;
  }
}
