import { buffersLetGo } from '../../core/buffer-memory.ts';
import { HoldfastError, isHoldfastError } from '../../core/errors.ts';
import { orderedMap } from '../../core/ordered-map.ts';
import { MiB } from '../../core/units.ts';
import type { Answer, Ask, FirebaseConnection } from './connection.ts';
import { CanonicalJson } from './json.ts';
import { listKeys } from './node-reads.ts';
import { type NodePath, showPath } from './paths.ts';
import type { RateLimit } from './rate-limit.ts';
import type { SelectedRecord } from './selection.ts';

/** Of one write: large enough that latency does not count, small enough for no reader to wait. */
const WRITE_BYTES = 1 * MiB;
const MOST_PATHS = 10_000;
const KEYS_A_REMOVAL = 500;
/** No answer but a status, no functions triggered, however large it is. */
const QUERY = { print: 'silent', disableTriggers: 'true', writeSizeLimit: 'unlimited' } as const;

export interface RestoreWriterOptions {
  readonly connection: FirebaseConnection;
  /** Writes at once. */
  readonly jobs: number;
  readonly rate: RateLimit;
  readonly onBytes: (plainBytes: number) => void;
  readonly signal: AbortSignal;
}

/** A path below the place of a write, and what it is to hold. */
interface Member {
  readonly path: readonly string[];
  readonly value: string;
}

/** Writes records below a place, many in one request and several requests at once. */
export class RestoreWriter {
  readonly #options: RestoreWriterOptions;
  /** Priorities of nodes whose children are records: a node takes one only when it has children. */
  readonly #priorities: { readonly at: NodePath; readonly value: string }[] = [];

  constructor(options: RestoreWriterOptions) {
    this.#options = options;
  }

  /** @throws E_SOURCE_* naming the path that was refused */
  async write(place: NodePath, records: AsyncIterable<SelectedRecord>): Promise<void> {
    const { jobs, signal, rate, onBytes } = this.#options;
    const written = orderedMap(this.#batches(place, records), jobs, async ({ members, bytes }) => {
      await rate.pass(bytes, signal);
      await this.#patch(place, members);
      // The texts of the records, and the body that was made of them.
      buffersLetGo(2 * bytes);
      onBytes(bytes);
    });
    for await (const _ of written);
    for (const { at, value } of this.#priorities.splice(0)) await this.#put([...at, '.priority'], value);
  }

  /** Removes all below a place, in parts where it is too much at once. */
  async remove(place: NodePath): Promise<void> {
    const answer = await this.#ask({ method: 'DELETE', path: place });
    if (answer.outcome !== 'too-large') return;
    const { connection, signal } = this.#options;
    const keys = await listKeys(connection, place, signal);
    for (let at = 0; at < keys.length; at += KEYS_A_REMOVAL)
      await this.#removeChildren(place, keys.slice(at, at + KEYS_A_REMOVAL));
  }

  async #removeChildren(place: NodePath, keys: readonly string[]): Promise<void> {
    const body = JSON.stringify(Object.fromEntries(keys.map((key) => [key, null])));
    const answer = await this.#ask({ method: 'PATCH', path: place, body });
    if (answer.outcome !== 'too-large') return;
    for (const key of keys) await this.remove([...place, key]);
  }

  async *#batches(
    place: NodePath,
    records: AsyncIterable<SelectedRecord>,
  ): AsyncGenerator<{ readonly members: readonly Member[]; readonly bytes: number }> {
    let members: Member[] = [];
    let bytes = 0;
    for await (const { path, value, line } of records) {
      if (path.length === 0) await this.#put(place, value);
      else if (path.at(-1) === '.priority')
        this.#priorities.push({ at: [...place, ...path.slice(0, -1)], value });
      else {
        members.push({ path, value });
        bytes += line.length;
      }
      if (bytes < WRITE_BYTES && members.length < MOST_PATHS) continue;
      yield { members, bytes };
      members = [];
      bytes = 0;
    }
    if (members.length > 0) yield { members, bytes };
  }

  /** All of them in one request; where that is too much or one of them is refused, in smaller ones. */
  async #patch(place: NodePath, members: readonly Member[]): Promise<void> {
    const body = `{${members.map(({ path, value }) => `${JSON.stringify(path.join('/'))}:${value}`).join(',')}}`;
    const only = members.length === 1 ? members[0] : undefined;
    try {
      const answer = await this.#ask({ method: 'PATCH', path: place, body });
      if (answer.outcome !== 'too-large') return;
    } catch (error) {
      if (!isHoldfastError(error, 'E_SOURCE_FAILED')) throw error;
      if (only) throw refusedAt([...place, ...only.path], error);
    }
    if (only) return this.#writeInParts(place, only);
    const half = Math.ceil(members.length / 2);
    await this.#patch(place, members.slice(0, half));
    await this.#patch(place, members.slice(half));
  }

  /** A record that is more than one write may bring, child by child. */
  async #writeInParts(place: NodePath, { path, value }: Member): Promise<void> {
    const at = [...place, ...path];
    const children = (new CanonicalJson(value).members() ?? []).filter(({ key }) => key !== '.value');
    if (children.length === 0)
      throw new HoldfastError(
        'E_SOURCE_FAILED',
        `${showPath(at)}: ${Buffer.byteLength(value)} bytes are more than the database takes in one write`,
        { hint: 'Restore to a database with a larger limit; nothing of the backup is lost.' },
      );
    // What is there of it would stay beside its children.
    await this.remove(at);
    for (const child of children) {
      if (child.key === '.priority') this.#priorities.push({ at, value: child.value });
      else await this.#patch(place, [{ path: [...path, child.key], value: child.value }]);
    }
  }

  async #put(path: NodePath, value: string): Promise<void> {
    try {
      const { outcome } = await this.#ask({ method: 'PUT', path, body: value });
      if (outcome !== 'too-large') return;
    } catch (error) {
      throw isHoldfastError(error, 'E_SOURCE_FAILED') ? refusedAt(path, error) : error;
    }
    throw new HoldfastError(
      'E_SOURCE_FAILED',
      `${showPath(path)} is more than the database takes in one write`,
    );
  }

  #ask(ask: Omit<Ask, 'query'>): Promise<Answer> {
    const { connection, signal } = this.#options;
    return connection.ask({ ...ask, query: QUERY }, (answer) => answer, signal);
  }
}

function refusedAt(path: NodePath, error: HoldfastError): HoldfastError {
  return new HoldfastError('E_SOURCE_FAILED', `${showPath(path)} was refused: ${error.message}`, {
    cause: error,
    details: { ...error.details, object: showPath(path) },
    hint: 'The words are the server’s own; restore without it by naming other paths, or to a database that takes it.',
  });
}
