import { refused } from '../import/error.ts';

/** What a JSON text holds, in its order. */
export interface JsonEvents {
  begin(kind: 'object' | 'array'): void;
  end(): void;
  /** The key of the value that follows. */
  key(key: string): void;
  /** A text, number, `true`, `false` or `null`, as canonical JSON. Numbers are digit for digit those of the text. */
  scalar(json: string): void;
}

/** No text of Firebase is longer: 10 MB, and six characters for each that is escaped. */
const MOST_TEXT_CHARACTERS = 64 * 2 ** 20;
const LONGEST_LITERAL = 5;
const SPACE = /[ \t\n\r]*/y;
const NUMBER = /-?(?:0|[1-9]\d*)(?:\.\d+)?(?:[eE][+-]?\d+)?/y;
const NUMBER_PART = /[-+.\deE]*/y;
const LITERAL = /true|false|null/y;
// biome-ignore lint/suspicious/noControlCharactersInRegex: those that JSON does not allow in a text
const CONTROL = /[\u0000-\u001f]/;

type Expected = 'value' | 'first-element' | 'first-key' | 'key' | 'colon' | 'more' | 'nothing';

/** Reads one JSON value that comes in pieces, strictly by RFC 8259, in memory that its longest text decides. */
export class JsonTokens {
  readonly #events: JsonEvents;
  readonly #open: ('object' | 'array')[] = [];
  #expected: Expected = 'value';
  /** What is not read yet: a text, from `#at` on, and pieces that follow it. */
  #text = '';
  #at = 0;
  #pieces: string[] = [];
  #pieceCharacters = 0;
  /** So many more characters must come before another look at an incomplete token is worth it. */
  #neededCharacters = 0;
  #readCharacters = 0;
  #isLast = false;

  constructor(events: JsonEvents) {
    this.#events = events;
  }

  /** @throws E_IMPORT_REFUSED if the text is not JSON, and what the events throw */
  write(piece: string): void {
    this.#pieces.push(piece);
    this.#pieceCharacters += piece.length;
    if (this.#pieceCharacters < this.#neededCharacters) return;
    this.#join();
    this.#neededCharacters = this.#read() ? 0 : this.#text.length - this.#at;
  }

  /** @throws E_IMPORT_REFUSED if the value is not complete */
  finish(): void {
    this.#isLast = true;
    this.#join();
    const isComplete = this.#read();
    if (!isComplete || this.#expected !== 'nothing')
      throw refused(`it ends at character ${this.#position()}, in the middle of its JSON`);
  }

  #join(): void {
    this.#readCharacters += this.#at;
    this.#text = this.#text.slice(this.#at) + this.#pieces.join('');
    this.#at = 0;
    this.#pieces = [];
    this.#pieceCharacters = 0;
  }

  /** Reads as far as it can; false if a token is incomplete. */
  #read(): boolean {
    for (;;) {
      SPACE.lastIndex = this.#at;
      this.#at += SPACE.exec(this.#text)?.[0].length ?? 0;
      const code = this.#text.charCodeAt(this.#at);
      if (Number.isNaN(code)) return true;
      if (!this.#token(code)) return false;
    }
  }

  #token(code: number): boolean {
    switch (this.#expected) {
      case 'value':
        return this.#value(code);
      case 'first-element':
        return code === 0x5d ? this.#close(code) : this.#value(code);
      case 'first-key':
        return code === 0x7d ? this.#close(code) : this.#key(code);
      case 'key':
        return this.#key(code);
      case 'colon':
        return code === 0x3a ? this.#pass('value') : this.#fail();
      case 'more':
        if (code !== 0x2c) return this.#close(code);
        return this.#pass(this.#open.at(-1) === 'object' ? 'key' : 'value');
      case 'nothing':
        return this.#fail();
    }
  }

  #value(code: number): boolean {
    if (code === 0x7b) return this.#begin('object', 'first-key');
    if (code === 0x5b) return this.#begin('array', 'first-element');
    const json = code === 0x22 ? this.#string() : this.#scalar();
    if (json === undefined) return false;
    this.#expected = this.#open.length === 0 ? 'nothing' : 'more';
    this.#events.scalar(json);
    return true;
  }

  #begin(kind: 'object' | 'array', next: Expected): boolean {
    this.#open.push(kind);
    this.#events.begin(kind);
    return this.#pass(next);
  }

  #close(code: number): boolean {
    if (code !== (this.#open.at(-1) === 'object' ? 0x7d : 0x5d)) this.#fail();
    this.#open.pop();
    this.#events.end();
    return this.#pass(this.#open.length === 0 ? 'nothing' : 'more');
  }

  #key(code: number): boolean {
    if (code !== 0x22) this.#fail();
    const json = this.#string();
    if (json === undefined) return false;
    this.#expected = 'colon';
    this.#events.key(JSON.parse(json) as string);
    return true;
  }

  #pass(next: Expected): boolean {
    this.#at++;
    this.#expected = next;
    return true;
  }

  #string(): string | undefined {
    let end = this.#at;
    do end = this.#text.indexOf('"', end + 1);
    while (end > 0 && isEscaped(this.#text, end));
    const raw = this.#text.slice(this.#at, end < 0 ? undefined : end + 1);
    if (raw.length > MOST_TEXT_CHARACTERS)
      throw refused(`the text at character ${this.#position()} is longer than any of Firebase`);
    if (end < 0) return undefined;
    if (CONTROL.test(raw))
      throw refused(`the text at character ${this.#position()} has an unescaped control character`);
    this.#at = end + 1;
    if (!raw.includes('\\')) return raw;
    try {
      return JSON.stringify(JSON.parse(raw));
    } catch (cause) {
      throw refused(`the text at character ${this.#position()} has a broken escape`, undefined, cause);
    }
  }

  #scalar(): string | undefined {
    const isNumber = /[-\d]/.test(this.#text[this.#at] ?? '');
    const left = this.#text.length - this.#at;
    NUMBER_PART.lastIndex = this.#at;
    const part = isNumber ? (NUMBER_PART.exec(this.#text)?.[0].length ?? 0) : LONGEST_LITERAL;
    const isIncomplete = isNumber ? part >= left : left < LONGEST_LITERAL;
    if (isIncomplete && !this.#isLast && left < MOST_TEXT_CHARACTERS) return undefined;
    const form = isNumber ? NUMBER : LITERAL;
    form.lastIndex = this.#at;
    const found = form.exec(this.#text)?.[0];
    if (found === undefined || (isNumber && found.length !== part)) throw this.#unexpected();
    this.#at += found.length;
    return found;
  }

  #fail(): never {
    throw this.#unexpected();
  }

  #unexpected() {
    return refused(`it is not JSON: '${this.#text.charAt(this.#at)}' at character ${this.#position()}`);
  }

  #position(): number {
    return this.#readCharacters + this.#at;
  }
}

function isEscaped(text: string, quote: number): boolean {
  let at = quote - 1;
  while (text.charCodeAt(at) === 0x5c) at--;
  return (quote - at) % 2 === 0;
}
