import { isUtf8 } from 'node:buffer';
import { HoldfastError } from '../../../core/errors.ts';
import { compareKeys } from './key-order.ts';

/** Deeper than any database: what is nested so deep is no answer of Firebase. */
const MOST_NESTING = 200;
const SPACE = /[ \t\n\r]*/y;
const NUMBER = /-?(?:0|[1-9]\d*)(?:\.\d+)?(?:[eE][+-]?\d+)?/y;
const LITERAL = /true|false|null/y;

/** A child of a node: its key and its value as canonical JSON. */
export interface Member {
  readonly key: string;
  readonly value: string;
}

/**
 * Reads JSON as Firebase's REST answers it, and writes it canonically: no blanks, keys in Firebase's order, arrays as the
 * objects that they are, nothing for nulls. Numbers stay digit for digit as they came: no double stands between.
 */
export class CanonicalJson {
  /** Levels below the value that was read deepest; a scalar has 0. */
  depth = 0;
  readonly #text: string;
  #at = 0;

  /** @throws E_SOURCE_LOST for bytes that are no UTF-8 */
  constructor(json: Uint8Array | string, from = 0) {
    if (typeof json !== 'string' && !isUtf8(json)) throw broken('an answer that is not UTF-8');
    this.#text =
      typeof json === 'string'
        ? json
        : Buffer.from(json.buffer, json.byteOffset, json.length).toString('utf8');
    this.#at = from;
  }

  /**
   * The whole text as one value, canonically; `null` if it holds nothing. @throws E_SOURCE_LOST if it is not
   * whole
   */
  whole(): string {
    const value = this.#value(0);
    this.#end();
    return value;
  }

  /** The children of the whole text in order, undefined if it is a scalar. @throws E_SOURCE_LOST */
  members(): readonly Member[] | undefined {
    this.#skip();
    const first = this.#text[this.#at];
    if (first !== '{' && first !== '[') return undefined;
    const members = first === '{' ? this.#object(0) : this.#array(0);
    this.#end();
    return sorted(members);
  }

  #value(level: number): string {
    if (level > MOST_NESTING) throw broken(`JSON of more than ${MOST_NESTING} levels`);
    if (level > this.depth) this.depth = level;
    this.#skip();
    const first = this.#text[this.#at];
    if (first === '"') return this.#string();
    if (first !== '{' && first !== '[') return this.#scalar();
    const start = this.#at;
    const members = first === '{' ? this.#object(level) : this.#array(level);
    return written(sorted(members), this.#text, start, this.#at);
  }

  #object(level: number): Member[] {
    const members: Member[] = [];
    this.#at++;
    this.#skip();
    if (this.#take('}')) return members;
    do {
      this.#skip();
      const key = this.#key();
      this.#skip();
      if (!this.#take(':')) throw this.#unexpected("':'");
      const value = this.#value(key.startsWith('.') ? level : level + 1);
      if (value !== 'null') members.push({ key, value });
      this.#skip();
    } while (this.#take(','));
    if (!this.#take('}')) throw this.#unexpected("',' or '}'");
    return members;
  }

  #array(level: number): Member[] {
    const members: Member[] = [];
    this.#at++;
    this.#skip();
    if (this.#take(']')) return members;
    let index = 0;
    do {
      const value = this.#value(level + 1);
      if (value !== 'null') members.push({ key: String(index), value });
      index++;
      this.#skip();
    } while (this.#take(','));
    if (!this.#take(']')) throw this.#unexpected("',' or ']'");
    return members;
  }

  #key(): string {
    if (this.#text[this.#at] !== '"') throw this.#unexpected('a key');
    return JSON.parse(this.#string()) as string;
  }

  #string(): string {
    const start = this.#at;
    let end = start;
    do end = this.#text.indexOf('"', end + 1);
    while (end > 0 && isEscaped(this.#text, end));
    if (end < 0) throw this.#unexpected('the end of a text');
    this.#at = end + 1;
    const raw = this.#text.slice(start, end + 1);
    try {
      return raw.includes('\\') ? JSON.stringify(JSON.parse(raw)) : raw;
    } catch (cause) {
      throw broken('a text with a broken escape', cause);
    }
  }

  #scalar(): string {
    for (const form of [NUMBER, LITERAL]) {
      form.lastIndex = this.#at;
      const found = form.exec(this.#text)?.[0];
      if (found === undefined) continue;
      this.#at += found.length;
      return found;
    }
    throw this.#unexpected('a value');
  }

  #skip(): void {
    if (this.#text.charCodeAt(this.#at) > 0x20) return;
    SPACE.lastIndex = this.#at;
    this.#at += SPACE.exec(this.#text)?.[0].length ?? 0;
  }

  #take(character: string): boolean {
    if (this.#text[this.#at] !== character) return false;
    this.#at++;
    return true;
  }

  #end(): void {
    this.#skip();
    if (this.#at < this.#text.length) throw this.#unexpected('the end');
  }

  #unexpected(wanted: string): HoldfastError {
    const got = this.#at < this.#text.length ? `'${this.#text.slice(this.#at, this.#at + 20)}'` : 'the end';
    return broken(`JSON with ${got} at character ${this.#at}, expected ${wanted}`);
  }
}

/** `{"alice":{…}}`: one record, a line, and by itself the body of a PATCH. */
export function recordLine(path: string, value: string): string {
  return `{${JSON.stringify(path)}:${value}}\n`;
}

/** Path and value of a record. @throws E_DAMAGED for a line that is no record of a Firebase source */
export function parseRecord(line: string): { readonly path: string; readonly value: string } {
  let end = 1;
  do end = line.indexOf('"', end + 1);
  while (end > 0 && isEscaped(line, end));
  if (!line.startsWith('{"') || end < 0 || line[end + 1] !== ':' || !line.endsWith('}'))
    throw new HoldfastError('E_DAMAGED', `'${line.slice(0, 60)}' is not a record of a Firebase database`);
  return { path: JSON.parse(line.slice(1, end + 1)) as string, value: line.slice(end + 2, -1) };
}

/** How many children of the outermost object or array an incomplete text holds whole. */
export function countWholeMembers(text: string): number {
  let level = 0;
  let count = 0;
  for (let at = 0; at < text.length; at++) {
    const code = text.charCodeAt(at);
    if (code === 0x22) at = endOfText(text, at);
    else if (code === 0x7b || code === 0x5b) level++;
    else if (code === 0x7d || code === 0x5d) level--;
    else if (code === 0x2c && level === 1) count++;
  }
  return count;
}

function endOfText(text: string, start: number): number {
  let end = start;
  do end = text.indexOf('"', end + 1);
  while (end > 0 && isEscaped(text, end));
  return end < 0 ? text.length : end;
}

function isEscaped(text: string, quote: number): boolean {
  let at = quote - 1;
  while (text.charCodeAt(at) === 0x5c) at--;
  return (quote - at) % 2 === 0;
}

function sorted(members: Member[]): Member[] {
  for (let i = 1; i < members.length; i++) {
    if (compareMembers(members[i - 1] as Member, members[i] as Member) >= 0)
      return members.sort(compareMembers);
  }
  return members;
}

/** `.value` and `.priority` after all children. */
function compareMembers(a: Member, b: Member): number {
  return Number(a.key.startsWith('.')) - Number(b.key.startsWith('.')) || compareKeys(a.key, b.key);
}

/** The text unchanged if it is already canonical, which saves memory and time. */
function written(members: readonly Member[], text: string, start: number, end: number): string {
  if (members.length === 0) return 'null';
  const parts = members.map(({ key, value }) => `${JSON.stringify(key)}:${value}`);
  const canonical = `{${parts.join(',')}}`;
  return canonical.length === end - start && text.startsWith(canonical, start)
    ? text.slice(start, end)
    : canonical;
}

function broken(what: string, cause?: unknown): HoldfastError {
  return new HoldfastError('E_SOURCE_LOST', `the database gave ${what}`, {
    cause,
    hint: 'Run it again; if it persists, a proxy may be truncating or changing responses.',
  });
}
