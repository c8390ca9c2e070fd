import { hash } from 'node:crypto';
import { HoldfastError } from '../../../core/errors.ts';

/** Bytes of a key's hash that are summed up: exact as a number. */
const HASH_BYTES = 6;
const QUOTE = 0x22;
const BACKSLASH = 0x5c;
const MODULUS = 2 ** (8 * HASH_BYTES);

/** How many keys there were, and a digest of them that does not depend on their order. */
class KeyTally {
  count = 0;
  #sum = 0;

  add(key: string, sign: 1 | -1 = 1): void {
    this.count += sign;
    const value = hash('sha1', JSON.stringify(key), 'buffer').readUIntBE(0, HASH_BYTES);
    this.#sum = (this.#sum + sign * value + MODULUS) % MODULUS;
  }

  equals(other: KeyTally): boolean {
    return this.count === other.count && this.#sum === other.#sum;
  }
}

/** A node whose keys were listed, until its last record has passed. */
interface Account {
  readonly path: readonly string[];
  readonly listed: KeyTally;
  readonly emitted: KeyTally;
  lastKey: string | undefined;
  /** A record of it has passed: when another node's comes, it is over. */
  hasPassed: boolean;
}

/**
 * Holds what was listed against what was given: every key that a listing showed must have a record, or have been proven to
 * be gone. Knows nothing of how nodes are read and shares no code with it; sees keys, and records as they go into the
 * backup, in order. Memory is a few numbers for each node that is open.
 */
export class KeyAccounts {
  readonly #show: (path: readonly string[]) => string;
  #accounts: Account[] = [];

  /** @param show names a node of these accounts in a message */
  constructor(show: (path: readonly string[]) => string) {
    this.#show = show;
  }

  /** Keys of children that a listing, or a part of one, showed; each is told once. */
  listed(path: readonly string[], keys: Iterable<string>): void {
    let account = this.#accounts.find((one) => isSame(one.path, path));
    if (!account) {
      account = {
        path,
        listed: new KeyTally(),
        emitted: new KeyTally(),
        lastKey: undefined,
        hasPassed: false,
      };
      this.#accounts.push(account);
    }
    for (const key of keys) account.listed.add(key);
  }

  /** A child that was listed has been asked for once more, and is no longer there. */
  gone(path: readonly string[], key: string): void {
    this.#accounts.find((one) => isSame(one.path, path))?.listed.add(key, -1);
  }

  /**
   * A record, `{"a/b":…}`, as it goes into the backup.
   *
   * @throws E_EMPTY_READ naming a node that came back incomplete
   */
  emitted(record: Buffer | string): void {
    const end = endOfKey(record);
    const text = JSON.parse(textOf(record, 1, end)) as string;
    const path = text === '' ? [] : text.split('/');
    this.#accounts = this.#accounts.filter((account) => {
      const shared = sharedLength(account.path, path);
      if (shared < account.path.length && shared < path.length)
        return account.hasPassed ? this.#close(account) : true;
      account.hasPassed = true;
      if (shared === account.path.length && shared < path.length) count(account, path[shared] ?? '');
      else countWithin(account, valueAt(textOf(record, end), account.path.slice(path.length)));
      return true;
    });
  }

  /** What was listed at and below a node is told of no more, as the node is read anew. @throws E_EMPTY_READ */
  settle(path: readonly string[]): void {
    this.#accounts = this.#accounts.filter(
      (account) => sharedLength(account.path, path) < path.length || this.#close(account),
    );
  }

  /** All has passed. @throws E_EMPTY_READ */
  end(): void {
    for (const account of this.#accounts.splice(0)) this.#close(account);
  }

  #close({ path, listed, emitted }: Account): false {
    if (listed.equals(emitted)) return false;
    const given = emitted.count === listed.count ? 'other ones' : `${emitted.count}`;
    throw new HoldfastError(
      'E_EMPTY_READ',
      `${this.#show(path)}: the database listed ${listed.count} children and gave ${given}`,
      {
        hint: 'Run it again; if it persists, back up with --full-read. Nothing of this run was listed.',
        details: { listed: listed.count, given: emitted.count },
      },
    );
  }
}

function count(account: Account, key: string): void {
  // What a node says of itself is no child.
  if (key.startsWith('.') || key === account.lastKey) return;
  account.lastKey = key;
  account.emitted.add(key);
}

/** A record holds the node itself, with all of its children. */
function countWithin(account: Account, value: unknown): void {
  if (typeof value !== 'object' || value === null) return;
  for (const key of Object.keys(value)) count(account, key);
}

function textOf(record: Buffer | string, start: number, end?: number): string {
  return typeof record === 'string' ? record.slice(start, end) : record.toString('utf8', start, end);
}

/** @param rest of a record, after its key: `:{…}}` and a newline */
function valueAt(rest: string, path: readonly string[]): unknown {
  let value: unknown = JSON.parse(rest.slice(1, rest.lastIndexOf('}')));
  for (const key of path) {
    if (typeof value !== 'object' || value === null || !Object.hasOwn(value, key)) return undefined;
    value = (value as Readonly<Record<string, unknown>>)[key];
  }
  return value;
}

/** After the closing quote of the first text of a record. */
function endOfKey(record: Buffer | string): number {
  const codeAt = (at: number) => (typeof record === 'string' ? record.charCodeAt(at) : record[at]);
  let at = 2;
  while (at < record.length && codeAt(at) !== QUOTE) at += codeAt(at) === BACKSLASH ? 2 : 1;
  return at + 1;
}

function sharedLength(a: readonly string[], b: readonly string[]): number {
  let at = 0;
  while (at < a.length && at < b.length && a[at] === b[at]) at++;
  return at;
}

function isSame(a: readonly string[], b: readonly string[]): boolean {
  return a.length === b.length && sharedLength(a, b) === a.length;
}
