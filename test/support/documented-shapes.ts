import { readFileSync } from 'node:fs';
import { blocksOf } from './pages.ts';

/** A type as a page writes it, in a small part of TypeScript. */
export type Shape =
  | { readonly is: 'any' }
  | { readonly is: 'literal'; readonly value: string | number | boolean | null }
  | { readonly is: 'primitive'; readonly name: string }
  | { readonly is: 'name'; readonly name: string }
  | { readonly is: 'list'; readonly of: Shape }
  | { readonly is: 'map'; readonly of: Shape }
  | { readonly is: 'union'; readonly of: readonly Shape[] }
  | { readonly is: 'both'; readonly of: readonly Shape[] }
  | { readonly is: 'object'; readonly members: ReadonlyMap<string, Member> };

interface Member {
  readonly shape: Shape;
  readonly isOptional: boolean;
}

/** What a page says: types by name, and the first of each section by the section's title. */
export interface Shapes {
  readonly types: ReadonlyMap<string, Shape>;
  readonly roots: ReadonlyMap<string, string>;
}

const TOKENS = /'[^']*'|-?\d+|[A-Za-z_]\w*|\?:|[{}[\]()|&<>,;:=]/g;

/** Reads the TypeScript of a page. Its compiler checks that it is some; this reads the part that shapes are written in. */
export function shapesOf(page: string): Shapes {
  const types = new Map<string, Shape>();
  const roots = new Map<string, string>();
  const lines = readFileSync(page, 'utf8').split('\n');
  for (const { code, line } of blocksOf(page).filter(({ language }) => language === 'ts')) {
    const parser = new Parser(code);
    const declared = parser.declarations();
    const [title = ''] = lines
      .slice(0, line - 1)
      .flatMap((text) => /^### (.*)$/.exec(text)?.[1] ?? [])
      .slice(-1);
    for (const [name, shape] of declared) types.set(name, shape);
    const [first] = declared.keys();
    if (first !== undefined) for (const one of title.split(', ')) roots.set(one, first);
  }
  return { types, roots };
}

class Parser {
  readonly #tokens: readonly string[];
  #at = 0;

  constructor(code: string) {
    this.#tokens = code.replaceAll(/\/\*[\s\S]*?\*\/|\/\/.*$/gm, '').match(TOKENS) ?? [];
  }

  declarations(): Map<string, Shape> {
    const found = new Map<string, Shape>();
    while (this.#at < this.#tokens.length) {
      const kind = this.#next();
      if (kind !== 'type' && kind !== 'interface') throw new Error(`'${kind}' begins no declaration`);
      found.set(this.#next(), kind === 'type' ? this.#alias() : this.#interface());
    }
    return found;
  }

  #alias(): Shape {
    this.#expect('=');
    const shape = this.#union();
    this.#take(';');
    return shape;
  }

  #interface(): Shape {
    const parents: Shape[] = [];
    if (this.#take('extends'))
      do parents.push({ is: 'name', name: this.#next() });
      while (this.#take(','));
    const own = this.#primary();
    return parents.length > 0 ? { is: 'both', of: [...parents, own] } : own;
  }

  #union(): Shape {
    this.#take('|');
    const of = [this.#both()];
    while (this.#take('|')) of.push(this.#both());
    return of.length === 1 && of[0] ? of[0] : { is: 'union', of };
  }

  #both(): Shape {
    const of = [this.#list()];
    while (this.#take('&')) of.push(this.#list());
    return of.length === 1 && of[0] ? of[0] : { is: 'both', of };
  }

  #list(): Shape {
    let shape = this.#primary();
    while (this.#take('[')) {
      this.#expect(']');
      shape = { is: 'list', of: shape };
    }
    return shape;
  }

  #primary(): Shape {
    const token = this.#next();
    if (token === '(') {
      const inner = this.#union();
      this.#expect(')');
      return inner;
    }
    if (token === '{') return this.#members();
    if (/^('|-?\d|(null|true|false)$)/.test(token))
      return { is: 'literal', value: JSON.parse(token.replaceAll("'", '"')) };
    if (token === 'unknown') return { is: 'any' };
    if (['string', 'number', 'boolean'].includes(token)) return { is: 'primitive', name: token };
    if (token === 'Record') return this.#record();
    return { is: 'name', name: token };
  }

  #record(): Shape {
    for (const token of ['<', 'string', ',']) this.#expect(token);
    const of = this.#union();
    this.#expect('>');
    return { is: 'map', of };
  }

  #members(): Shape {
    const members = new Map<string, Member>();
    while (!this.#take('}')) {
      const name = this.#next().replaceAll("'", '');
      const isOptional = this.#take('?:');
      if (!isOptional) this.#expect(':');
      members.set(name, { shape: this.#union(), isOptional });
      this.#take(';');
    }
    return { is: 'object', members };
  }

  #next(): string {
    const token = this.#tokens[this.#at++];
    if (token === undefined) throw new Error('a declaration ends too early');
    return token;
  }

  #take(token: string): boolean {
    const isThere = this.#tokens[this.#at] === token;
    if (isThere) this.#at += 1;
    return isThere;
  }

  #expect(token: string): void {
    if (!this.#take(token)) throw new Error(`'${this.#tokens[this.#at]}' stands where '${token}' is wanted`);
  }
}

/** In what a value is not as the type of that name says: members too many, too few, or of another type. */
export function differences(shapes: Shapes, name: string, value: unknown): string[] {
  return new Comparer(shapes.types).differ({ is: 'name', name }, value, name);
}

class Comparer {
  readonly #types: ReadonlyMap<string, Shape>;

  constructor(types: ReadonlyMap<string, Shape>) {
    this.#types = types;
  }

  differ(shape: Shape, found: unknown, at: string): string[] {
    switch (shape.is) {
      case 'any':
        return [];
      case 'name':
        return this.differ(this.#named(shape.name), found, at);
      case 'union':
        return this.#differInAll(shape.of, found, at);
      case 'list':
        if (!Array.isArray(found)) return [`${at} is no list`];
        return found.flatMap((one, i) => this.differ(shape.of, one, `${at}[${i}]`));
      case 'map':
        if (!isObject(found)) return [`${at} is no object`];
        return Object.entries(found).flatMap(([key, one]) => this.differ(shape.of, one, `${at}.${key}`));
      case 'literal':
        return found === shape.value ? [] : [`${at} is ${shown(found)}`];
      case 'primitive':
        return typeof found === shape.name ? [] : [`${at} is ${shown(found)}`];
      default:
        return this.#differInMembers(this.#membersOf(shape), found, at);
    }
  }

  /** Nothing, if it is as one of them; else how it differs from the nearest. */
  #differInAll(shapes: readonly Shape[], found: unknown, at: string): string[] {
    const all = shapes.map((one) => this.differ(one, found, at));
    return all.sort((a, b) => a.length - b.length)[0] ?? [];
  }

  #differInMembers(members: ReadonlyMap<string, Member>, found: unknown, at: string): string[] {
    if (!isObject(found)) return [`${at} is no object`];
    const extra = Object.keys(found).filter((key) => !members.has(key));
    const missing = [...members].filter(([key, { isOptional }]) => !isOptional && !Object.hasOwn(found, key));
    return [
      ...extra.map((key) => `${at}.${key} is not documented`),
      ...missing.map(([key]) => `${at}.${key} is missing`),
      ...[...members].flatMap(([key, { shape }]) =>
        Object.hasOwn(found, key) ? this.differ(shape, found[key], `${at}.${key}`) : [],
      ),
    ];
  }

  /** Of an object, and of what it extends. */
  #membersOf(shape: Shape): ReadonlyMap<string, Member> {
    if (shape.is === 'object') return shape.members;
    if (shape.is === 'name') return this.#membersOf(this.#named(shape.name));
    if (shape.is === 'both') return new Map(shape.of.flatMap((one) => [...this.#membersOf(one)]));
    throw new Error(`${shape.is} has no members`);
  }

  #named(name: string): Shape {
    const found = this.#types.get(name);
    if (!found) throw new Error(`there is no type ${name}`);
    return found;
  }
}

function shown(value: unknown): string {
  return `${JSON.stringify(value)}`.slice(0, 60);
}

function isObject(value: unknown): value is Readonly<Record<string, unknown>> {
  return typeof value === 'object' && value !== null && !Array.isArray(value);
}
