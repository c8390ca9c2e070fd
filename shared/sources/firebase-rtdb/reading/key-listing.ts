import { HoldfastError, isHoldfastError } from '../../../core/errors.ts';
import type { Answer, FirebaseConnection } from '../connection/connection.ts';
import { isAddressable, type NodePath, showPath } from '../connection/paths.ts';
import { READ_LIMITS, type ReadLimits } from '../connection/read-limits.ts';
import { KEY_FORMS, type KeyForm, ServerHabits } from '../connection/server-habits.ts';
import { CanonicalJson } from '../text/json.ts';
import { compareKeys } from '../text/key-order.ts';

/** Of a part: less shows neither where it begins nor that it goes on. */
const FEWEST_KEYS = 2;
const MOST_LOOK_BYTES = 4096;

/** How keys are listed. */
export interface KeyListingOptions {
  /** @default nothing is known of the server */
  readonly habits?: ServerHabits;
  /** @default those of a backup */
  readonly limits?: ReadLimits;
  readonly signal: AbortSignal;
}

/** The keys of all children in order, one small entry each is read; none of a node that is a value, or is not there. */
export async function listKeys(
  connection: FirebaseConnection,
  path: NodePath,
  options: KeyListingOptions,
): Promise<readonly string[]> {
  const all = await ask(connection, path, {}, options.signal);
  return all ? all.sort(compareKeys) : new KeyParts(connection, path, options).all();
}

/** Whether a node holds anything; little of it is read. */
export async function isThere(
  connection: FirebaseConnection,
  path: NodePath,
  signal: AbortSignal,
): Promise<boolean> {
  if (!isAddressable(path)) {
    const keys = await ask(connection, path.slice(0, -1), {}, signal);
    return keys?.includes(path.at(-1) ?? '') ?? true;
  }
  return connection.ask(
    { method: 'GET', path, query: { shallow: 'true' }, mostBytes: () => MOST_LOOK_BYTES },
    ({ body, outcome }) => outcome !== 'whole' || body.toString('utf8').trim() !== 'null',
    signal,
  );
}

/**
 * Lists keys in parts. The documentation has no such thing, and Google's own programs send `startAfter` as it stands, which
 * others read as JSON: so each part is asked to begin with the last key of the part before. One that does leaves nothing out,
 * however the server took the question.
 */
class KeyParts {
  readonly #connection: FirebaseConnection;
  readonly #path: NodePath;
  readonly #habits: ServerHabits;
  readonly #signal: AbortSignal;
  readonly #keys: string[] = [];
  #limit: number;

  constructor(
    connection: FirebaseConnection,
    path: NodePath,
    { habits = new ServerHabits(), limits = READ_LIMITS, signal }: KeyListingOptions,
  ) {
    this.#connection = connection;
    this.#path = path;
    this.#habits = habits;
    this.#signal = signal;
    this.#limit = limits.keysAPart;
  }

  /** @throws E_SOURCE_FAILED if the server lists no parts, or not in order */
  async all(): Promise<readonly string[]> {
    for (;;) {
      const part = await this.#nextPart();
      for (const key of part) this.#keys.push(key);
      if (part.length === 0) return this.#keys;
    }
  }

  async #nextPart(): Promise<readonly string[]> {
    const [before, last] = [this.#keys.at(-2), this.#keys.at(-1)];
    if (last === undefined) return this.#ask(undefined, undefined);
    if (before === undefined) return [];
    const forms = KEY_FORMS.toSorted((form) => (form === this.#habits.keyForm ? -1 : 1));
    for (const form of forms) {
      const part = await this.#ask(before, form);
      if (part[0] !== last) continue;
      this.#habits.keyForm = form;
      return part.slice(1);
    }
    if (await isThere(this.#connection, [...this.#path, last], this.#signal)) throw this.#failed();
    this.#keys.pop();
    return this.#nextPart();
  }

  /** Keys in order; fewer if that many do not fit into one answer. */
  async #ask(after: string | undefined, form: KeyForm | undefined): Promise<readonly string[]> {
    const query = {
      limitToFirst: String(this.#limit),
      ...(after === undefined ? {} : { startAfter: form === 'quoted' ? JSON.stringify(after) : after }),
    };
    const part = await ask(this.#connection, this.#path, query, this.#signal).catch((error) => {
      if (!isHoldfastError(error, 'E_SOURCE_FAILED')) throw error;
      // Refused in one form, it may be answered in the other.
      if (form !== undefined) return [];
      throw this.#failed(error);
    });
    if (part) return part.sort(compareKeys);
    if (this.#limit <= FEWEST_KEYS) throw this.#failed();
    this.#limit = Math.max(Math.ceil(this.#limit / 8), FEWEST_KEYS);
    return this.#ask(after, form);
  }

  #failed(cause?: unknown): HoldfastError {
    return new HoldfastError(
      'E_SOURCE_FAILED',
      `${showPath(this.#path)} has more children than one answer lists, and its keys cannot be listed in parts`,
      { cause, hint: 'Split the node into several: it has too many children for Firebase.' },
    );
  }
}

function ask(
  connection: FirebaseConnection,
  path: NodePath,
  query: Readonly<Record<string, string>>,
  signal: AbortSignal,
): Promise<string[] | undefined> {
  return connection.ask({ method: 'GET', path, query: { shallow: 'true', ...query } }, keysOf, signal);
}

function keysOf({ body, outcome }: Answer): string[] | undefined {
  if (outcome === 'too-large') return undefined;
  const members = new CanonicalJson(body).members() ?? [];
  return members.map(({ key }) => key).filter((key) => !key.startsWith('.'));
}
