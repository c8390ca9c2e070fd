import type { JsonEvents } from '../text/json-tokens.ts';
import { refused } from './error.ts';

/** More than anything says of a backup. */
const MOST_VALUES = 100_000;

type Metadata = Readonly<Record<string, unknown>>;

/** Takes a file of the original system, `{metadata, data}`, apart: hands on what `data` holds, and keeps the metadata. */
export class OriginalFile implements JsonEvents {
  readonly #data: JsonEvents;
  readonly #metadata = new ValueBuilder();
  readonly #found = new Set<string>();
  #level = 0;
  #now: JsonEvents | undefined;

  constructor(data: JsonEvents) {
    this.#data = data;
  }

  /** @throws E_IMPORT_REFUSED if it was not such a file */
  get metadata(): Metadata {
    if (!this.#found.has('data') || !this.#found.has('metadata'))
      throw otherwise(`it holds ${[...this.#found].join(' and ') || 'nothing'}`);
    const { value } = this.#metadata;
    return typeof value === 'object' && value !== null ? (value as Metadata) : {};
  }

  begin(kind: 'object' | 'array'): void {
    if (this.#level++ > 0) this.#now?.begin(kind);
    else if (kind === 'array') throw otherwise('it holds a list');
  }

  end(): void {
    if (--this.#level > 0) this.#now?.end();
  }

  key(key: string): void {
    if (this.#level > 1) {
      this.#now?.key(key);
      return;
    }
    if (this.#found.has(key)) throw refused(`${key} appears twice`);
    if (key !== 'data' && key !== 'metadata') throw otherwise(`it also holds '${key.slice(0, 100)}'`);
    this.#found.add(key);
    this.#now = key === 'data' ? this.#data : this.#metadata;
  }

  scalar(json: string): void {
    if (this.#level === 0) throw otherwise('it holds a single value');
    this.#now?.scalar(json);
  }
}

function otherwise(what: string): Error {
  return refused(
    `a file of the original system holds metadata and data; ${what}`,
    'Where it is an export of Firebase, pass --format firebase.',
  );
}

/** Makes a value of what a small JSON text holds. */
class ValueBuilder implements JsonEvents {
  value: unknown;
  readonly #open: { readonly value: Record<string, unknown> | unknown[]; key: string }[] = [];
  #values = 0;

  begin(kind: 'object' | 'array'): void {
    const value: Record<string, unknown> | unknown[] = kind === 'array' ? [] : Object.create(null);
    this.#put(value);
    this.#open.push({ value, key: '' });
  }

  end(): void {
    this.#open.pop();
  }

  key(key: string): void {
    const last = this.#open.at(-1);
    if (last) last.key = key;
  }

  scalar(json: string): void {
    this.#put(JSON.parse(json));
  }

  #put(value: unknown): void {
    if (++this.#values > MOST_VALUES || this.#open.length > MOST_VALUES)
      throw refused('its metadata is too large for the metadata of a backup');
    const last = this.#open.at(-1);
    if (!last) this.value = value;
    else if (Array.isArray(last.value)) last.value.push(value);
    else last.value[last.key] = value;
  }
}
