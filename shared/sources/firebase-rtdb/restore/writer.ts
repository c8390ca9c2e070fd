import { buffersLetGo } from '../../../core/buffer-memory.ts';
import { HoldfastError, isHoldfastError } from '../../../core/errors.ts';
import { orderedMap } from '../../../core/ordered-map.ts';
import { MiB } from '../../../core/units.ts';
import type { Answer, Ask, FirebaseConnection } from '../connection/connection.ts';
import { isWithin, type NodePath, showPath } from '../connection/paths.ts';
import { CanonicalJson } from '../text/json.ts';
import type { SelectedRecord } from '../text/record-parts.ts';
import { NodeRemover } from './node-remover.ts';
import type { RateLimit } from './rate-limit.ts';

/** Of one write: large enough that latency does not count, small enough for no reader to wait. */
const WRITE_BYTES = 1 * MiB;
const MOST_PATHS = 10_000;
/** No answer but a status, no functions triggered, however large it is. */
const QUERY = { print: 'silent', disableTriggers: 'true', writeSizeLimit: 'unlimited' } as const;

/** How fast records are written. */
export interface RestoreWriterOptions {
  readonly connection: FirebaseConnection;
  /** Writes at once. */
  readonly jobs: number;
  readonly rate: RateLimit;
  readonly onBytes: (plainBytes: number) => void;
  readonly signal: AbortSignal;
}

/** A path below the place of a write, and what it is to hold. */
type Member = Pick<SelectedRecord, 'path' | 'value'>;

/** What goes into one write. */
class Batch {
  readonly members: Member[] = [];
  /** Of nodes whose children are records. */
  readonly priorities: Member[] = [];
  bytes = 0;

  get isEmpty(): boolean {
    return this.members.length + this.priorities.length === 0;
  }

  get isFull(): boolean {
    return this.bytes >= WRITE_BYTES || this.members.length + this.priorities.length >= MOST_PATHS;
  }

  /** A priority is written after a child of its node, never beside or before it. */
  mustTake({ path }: SelectedRecord): boolean {
    const last = this.members.at(-1);
    return path.at(-1) === '.priority' && last !== undefined && isWithin(last.path, path.slice(0, -1));
  }

  add({ path, value, line }: SelectedRecord): void {
    (path.at(-1) === '.priority' ? this.priorities : this.members).push({ path, value });
    this.bytes += line.length;
  }
}

/** Writes records below a place, many in one request and several requests at once. */
export class RestoreWriter {
  readonly #options: RestoreWriterOptions;
  /** False once the database refused priorities by their paths in a PATCH: then each is put. */
  #canPatchPriorities = true;

  constructor(options: RestoreWriterOptions) {
    this.#options = options;
  }

  /** @throws E_SOURCE_* naming the path that was refused */
  async write(place: NodePath, records: AsyncIterable<SelectedRecord>): Promise<void> {
    const { jobs, signal, rate, onBytes } = this.#options;
    const written = orderedMap(
      this.#batches(place, records),
      jobs,
      async ({ members, priorities, bytes }) => {
        await rate.pass(bytes, signal);
        if (members.length > 0) await this.#patch(place, members);
        if (priorities.length > 0) await this.#patchPriorities(place, priorities);
        // The texts of the records, and the body that was made of them.
        buffersLetGo(2 * bytes);
        onBytes(bytes);
      },
    );
    for await (const _ of written);
  }

  async *#batches(place: NodePath, records: AsyncIterable<SelectedRecord>): AsyncGenerator<Batch> {
    let batch = new Batch();
    for await (const record of records) {
      if (batch.isFull && !batch.mustTake(record)) {
        yield batch;
        batch = new Batch();
      }
      if (record.path.length === 0) await this.#put(place, record.value);
      else batch.add(record);
    }
    if (!batch.isEmpty) yield batch;
  }

  /** All of them in one request; if that is too much or one of them is refused, in smaller ones. */
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

  /** Of nodes whose children are records, when some of those are there: a node without children takes none. */
  async #patchPriorities(place: NodePath, members: readonly Member[]): Promise<void> {
    if (this.#canPatchPriorities) {
      try {
        return await this.#patch(place, members);
      } catch (error) {
        if (!isHoldfastError(error, 'E_SOURCE_FAILED')) throw error;
        this.#canPatchPriorities = false;
      }
    }
    for (const { path, value } of members) await this.#put([...place, ...path], value);
  }

  /** A record that is more than one write may bring, child by child. */
  async #writeInParts(place: NodePath, { path, value }: Member): Promise<void> {
    const at = [...place, ...path];
    const members = new CanonicalJson(value).members() ?? [];
    const children = members.filter(({ key }) => !key.startsWith('.'));
    if (children.length === 0)
      throw new HoldfastError(
        'E_SOURCE_FAILED',
        `${showPath(at)}: ${Buffer.byteLength(value)} bytes are more than the database takes in one write`,
        { hint: 'Restore to a database with a larger limit; nothing of the backup is lost.' },
      );
    // What is there of it would stay beside its children.
    await new NodeRemover(this.#options).remove(at);
    for (const { key, value: child } of children)
      await this.#patch(place, [{ path: [...path, key], value: child }]);
    const priority = members.find(({ key }) => key === '.priority');
    if (priority) await this.#put([...at, '.priority'], priority.value);
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
