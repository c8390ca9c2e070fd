import { HoldfastError } from '../../core/errors.ts';
import type { Mask, MaskedRow, MaskFunction } from './mask-function.ts';

/** A step of a path: a member's name, an element's number, or `*` for each. */
type Step = string | number;

/** A place in a document, and what becomes of it. */
export interface JsonPath {
  readonly steps: readonly Step[];
  readonly function: MaskFunction | 'keep' | 'null';
}

const STEP = /\.([\p{L}_$][\p{L}\p{N}_$-]*|\*)|\[(\d+|\*)\]|\['((?:[^'\\]|\\.)*)'\]/uy;

/** `$.name`, `$.tags[*]`, `$['odd name'][0].*`. @throws E_USAGE */
export function parseJsonPath(text: string): readonly Step[] {
  const steps: Step[] = [];
  let at = text.startsWith('$') ? 1 : -1;
  while (at >= 0 && at < text.length) {
    STEP.lastIndex = at;
    const found = STEP.exec(text);
    if (!found) at = -1;
    else {
      const [whole] = found;
      steps.push(stepOf(found));
      at += whole.length;
    }
  }
  if (at >= 0 && steps.length > 0) return steps;
  throw new HoldfastError('E_USAGE', `'${text}' is not a path in a JSON document`, {
    hint: "Write $.email, $.phones[*], $.people[0].name or $['odd name'].",
  });
}

function stepOf([, name, place, quoted]: RegExpExecArray): Step {
  if (name !== undefined) return name;
  if (quoted !== undefined) return quoted.replaceAll(/\\(.)/g, '$1');
  return place === '*' ? '*' : Number(place);
}

const TOKEN = /"(?:[^"\\]|\\.)*"|-?\d+(?:\.\d+)?(?:[eE][+-]?\d+)?|true|false|null|[{}[\],:]|\s+/suy;

/** `json`: values at some paths. @param rest what becomes of all others */
export function jsonFunction(paths: readonly JsonPath[], rest: 'keep' | 'null'): MaskFunction {
  return {
    kinds: ['json', 'text'],
    isByValue: false,
    isDistinct: () => false,
    usesRow: true,
    make: (about) => {
      const leaf = (kind: 'text' | 'decimal') => ({
        ...about,
        column: { ...about.column, kind, most: undefined, isPadded: false, isCaseless: false },
      });
      const made = paths.map(({ steps, function: of }) => ({
        steps,
        of,
        text: typeof of === 'string' || !of.kinds.includes('text') ? undefined : of.make(leaf('text')),
        number:
          typeof of === 'string' || !of.kinds.includes('decimal') ? undefined : of.make(leaf('decimal')),
      }));
      return (value, row) => new Rewriter(value, { made, rest, row }).run();
    },
  };
}

interface Rules {
  readonly made: readonly {
    readonly steps: readonly Step[];
    readonly of: MaskFunction | 'keep' | 'null';
    readonly text: Mask | undefined;
    readonly number: Mask | undefined;
  }[];
  readonly rest: 'keep' | 'null';
  readonly row: MaskedRow;
}

/** Writes a document again with its own layout, token by token; only values change. */
class Rewriter {
  readonly #text: string;
  readonly #rules: Rules;
  readonly #path: Step[] = [];
  #at = 0;
  #made = '';

  constructor(text: string, rules: Rules) {
    this.#text = text;
    this.#rules = rules;
  }

  /** A text that is no JSON becomes `null`: nothing of it may pass. */
  run(): string {
    try {
      this.#value();
      this.#space();
      return this.#at === this.#text.length ? this.#made : 'null';
    } catch (error) {
      if (error instanceof NoJson) return 'null';
      throw error;
    }
  }

  #value(): void {
    this.#space();
    const token = this.#next();
    if (token === '{') this.#members('}', () => this.#member());
    else if (token === '[') {
      let place = 0;
      this.#members(']', () => this.#below(place++));
    } else this.#made += this.#leaf(token);
  }

  #members(end: string, one: () => void): void {
    this.#made += end === '}' ? '{' : '[';
    this.#space();
    if (this.#peek() === end) {
      this.#made += this.#next();
      return;
    }
    for (;;) {
      one();
      this.#space();
      const token = this.#next();
      this.#made += token;
      if (token === end) return;
      if (token !== ',') throw new NoJson();
    }
  }

  #member(): void {
    this.#space();
    const name = this.#next();
    if (!name.startsWith('"')) throw new NoJson();
    this.#made += name;
    this.#space();
    if (this.#next() !== ':') throw new NoJson();
    this.#made += ':';
    this.#below(textOf(name));
  }

  #below(step: Step): void {
    this.#path.push(step);
    this.#value();
    this.#path.pop();
  }

  #leaf(token: string): string {
    if (/^[{}[\],:]$/.test(token)) throw new NoJson();
    const { made, rest, row } = this.#rules;
    const rule = made.find(({ steps }) => this.#isBelow(steps));
    const of = rule?.of ?? rest;
    if (of === 'keep' || token === 'null') return token;
    if (token.startsWith('"')) return asJson(rule?.text?.(textOf(token), row) ?? null);
    return rule?.number?.(token, row) ?? 'null';
  }

  /** Whether the place is the one that the steps lead to, or inside it. */
  #isBelow(steps: readonly Step[]): boolean {
    return (
      steps.length <= this.#path.length && steps.every((step, i) => step === '*' || step === this.#path[i])
    );
  }

  #space(): void {
    while (/\s/.test(this.#text[this.#at] ?? '')) this.#made += this.#text[this.#at++] ?? '';
  }

  #peek(): string {
    return this.#text[this.#at] ?? '';
  }

  #next(): string {
    TOKEN.lastIndex = this.#at;
    const [token] = TOKEN.exec(this.#text) ?? [];
    if (token === undefined) throw new NoJson();
    this.#at += token.length;
    return token;
  }
}

class NoJson extends Error {}

function textOf(token: string): string {
  try {
    return JSON.parse(token) as string;
  } catch {
    throw new NoJson();
  }
}

function asJson(text: string | null): string {
  return text === null ? 'null' : JSON.stringify(text);
}
