import type pg from 'pg';
import { HoldfastError } from '../../../core/errors.ts';
import { Meanwhile } from '../../../core/meanwhile.ts';
import { MiB } from '../../../core/units.ts';
import type {
  ChangePosition,
  ChangeReplay,
  Replayed,
  ReplayOptions,
  ReplayUntil,
  StoredChanges,
} from '../../changes.ts';
import { disconnect, query } from '../connection/connection.ts';
import {
  type AdapterOptions,
  type Environment,
  type PostgresOptions,
  parsePostgresOptions,
  postgresName,
} from '../connection/options.ts';
import { openSession } from '../snapshot/session.ts';
import { copyMessages } from './copy-binary.ts';
import { Definitions, parseNoted } from './ddl/definition.ts';
import { textOfNote } from './ddl/witness.ts';
import { BEGIN, RELATION, TYPE } from './message-types.ts';
import { decodeMessage, type Message } from './messages.ts';
import { momentOf } from './moments.ts';
import { DDL_PREFIX } from './names.ts';
import { formatPlace, parsePlace } from './position.ts';
import { define } from './replay/define.ts';
import { becomeReplica, raiseGuards } from './replay/guards.ts';
import { listUnstreamed } from './replay/left-out.ts';
import { makeNotes, type Notes, noteProgress, readNotes, removeNotes } from './replay/notes.ts';
import { setSequences } from './replay/sequences.ts';
import { ReplayTables } from './replay/tables.ts';
import { truncate } from './replay/truncate.ts';
import { type BaseSnapshot, decodeJoinState, isInBase, widen } from './transaction-ids.ts';

/** Rows that wait to be written, and bytes of them. More of them take longer: they outlive the young part of the heap. */
const MOST_ROWS = 1000;
const MOST_BYTES = 4 * MiB;
/** Rows after which whole transactions are committed. */
const COMMIT_ROWS = 5000;
/** What values of the stream are written in, as those of backups. */
const SETTINGS = { TimeZone: 'UTC', DateStyle: 'ISO', IntervalStyle: 'postgres', synchronous_commit: 'off' };

/** @throws E_CONFIG listing every problem, E_DAMAGED for a join that is none */
export function openPostgresReplay(
  url: string,
  options: AdapterOptions,
  env: Environment,
  replay: ReplayOptions,
): ChangeReplay {
  return new PostgresReplay(parsePostgresOptions(url, options, env), replay);
}

/** The same, of options that were parsed. */
export function replayAt(options: PostgresOptions, replay: ReplayOptions): ChangeReplay {
  return new PostgresReplay(options, replay);
}

/** A transaction of the stream that is to be applied, by its BEGIN. */
type Begin = Extract<Message, { kind: 'begin' }>;

interface Step {
  readonly message: Message;
  readonly bytes: number;
}

class PostgresReplay implements ChangeReplay {
  readonly #options: PostgresOptions;
  readonly #snapshot: BaseSnapshot;
  readonly #until: ReplayUntil;
  readonly #from: ChangePosition;
  /** As the notes name this replay. */
  readonly #name: string;
  readonly #tables: ReplayTables;
  readonly #warnings = new Set<string>();
  readonly #isPartial: boolean;
  /** Of the transaction that is applied; undefined for a stretch that has no statements. */
  #definitions: Definitions | undefined;
  /** The transaction changed definitions, some of which count only when it is committed. */
  #hasDefined = false;
  #client: pg.Client | undefined;
  #notes: Notes | undefined;
  #isOpen = false;
  #waitingRows = 0;
  #waitingBytes = 0;
  /** Rows since the last commit in the target: those of a large transaction are written before they are committed. */
  #unsavedRows = 0;
  /** What the target does while the next changes are read. */
  readonly #meanwhile = new Meanwhile();

  constructor(options: PostgresOptions, { join, until, base, datasets }: ReplayOptions) {
    this.#options = { ...options, settings: { ...options.settings, ...SETTINGS } };
    this.#snapshot = decodeJoinState(join.state);
    this.#until = until;
    this.#from = join.from;
    this.#name = JSON.stringify({ base, until, datasets });
    this.#isPartial = datasets !== undefined;
    this.#tables = new ReplayTables(datasets, (message) => this.#warnings.add(message));
  }

  async resumes(signal: AbortSignal): Promise<{ readonly to: ChangePosition } | undefined> {
    const notes = await this.#readNotes(signal);
    return notes && { to: notes.to };
  }

  async begin(signal: AbortSignal): Promise<void> {
    const { client, isReplica } = await this.#session(signal);
    await this.#inTransaction(client, signal, async () => {
      const { undo, warnings } = await raiseGuards(client, isReplica, signal);
      const notes = { replay: this.#name, to: this.#from, isReplica, undo, sequences: {}, warnings };
      await makeNotes(client, notes, signal);
    });
    await this.#readNotes(signal);
  }

  async apply(changes: StoredChanges, signal: AbortSignal): Promise<Replayed> {
    const { client } = await this.#session(signal);
    const counts = { transactions: 0, rows: 0 };
    let stop: Begin | undefined;
    this.#definitions = hasStatements(changes) ? new Definitions() : undefined;
    try {
      for await (const step of this.#wanted(changes, await this.#noted(signal))) {
        if ('stop' in step) stop = step.stop;
        else if (step.message.kind === 'commit') {
          counts.transactions++;
          await this.#endTransaction(client, after(changes.to, step.message.commitLsn), signal);
        } else counts.rows += await this.#take(client, step, signal);
      }
      await this.#save(client, stop ? after(changes.to, stop.commitLsn - 1n) : changes.to, signal, changes);
      await this.#meanwhile.settle();
      return { ...counts, isReached: stop !== undefined };
    } catch (error) {
      await this.#drop();
      this.#forget();
      throw error;
    }
  }

  async #endTransaction(client: pg.Client, to: ChangePosition, signal: AbortSignal): Promise<void> {
    if (this.#unsavedRows >= COMMIT_ROWS || this.#hasDefined) await this.#save(client, to, signal);
    this.#hasDefined = false;
    if (this.#definitions) this.#definitions = new Definitions();
  }

  async finish(signal: AbortSignal): Promise<{ readonly warnings: readonly string[] }> {
    const { client } = await this.#session(signal);
    const { undo, sequences, warnings } = await this.#noted(signal);
    const unstreamed = await this.#inTransaction(client, signal, async () => {
      await query(client, 'SET LOCAL synchronous_commit = on', signal);
      await setSequences(client, sequences, signal);
      for (const sql of undo) await query(client, sql, signal);
      await removeNotes(client, signal);
      return listUnstreamed(client, signal);
    });
    return { warnings: [...warnings, ...unstreamed] };
  }

  async [Symbol.asyncDispose](): Promise<void> {
    await this.#drop();
  }

  /** What is to be done of a stretch: messages of transactions that the target lacks, and all definitions; or where to stop. */
  async *#wanted(changes: StoredChanges, { to }: Notes): AsyncGenerator<Step | { readonly stop: Begin }> {
    const applied = parsePlace(to).lsn;
    let isWanted = false;
    for await (const bytes of copyMessages(changes.bytes())) {
      if (!isWanted && !ALWAYS.has(bytes[0] ?? 0)) continue;
      const message = decodeMessage(bytes);
      if (message.kind !== 'begin') {
        if (message.kind === 'commit') isWanted = false;
        yield { message, bytes: bytes.length };
        continue;
      }
      isWanted = message.commitLsn >= applied && !isInBase(this.#snapshot, message.xid);
      if (!isWanted || !this.#isPast(message)) continue;
      yield { stop: message };
      return;
    }
  }

  /** @returns rows that it changed */
  async #take(client: pg.Client, { message, bytes }: Step, signal: AbortSignal): Promise<number> {
    switch (message.kind) {
      case 'relation':
      case 'type':
        this.#tables.describe(message);
        return 0;
      case 'truncate':
        await this.#look(client, signal);
        await truncate(client, await this.#tables.truncated(client, message.relationIds, signal), signal);
        return 0;
      case 'insert':
      case 'update':
      case 'delete':
        if (!this.#tables.knows(message.relationId)) await this.#look(client, signal);
        await this.#tables.take(client, message, signal);
        this.#waitingRows++;
        this.#unsavedRows++;
        this.#waitingBytes += bytes;
        if (this.#isFull) await this.#write(client, signal);
        return 1;
      case 'message':
        if (message.prefix === DDL_PREFIX) await this.#define(client, message.content, signal);
        return 0;
      default:
        return 0;
    }
  }

  /** Runs a statement that changes definitions, after all that came before it. */
  async #define(client: pg.Client, content: string, signal: AbortSignal): Promise<void> {
    const noted = this.#definitions && parseNoted(textOfNote(content));
    const meaning = noted && this.#definitions?.read(noted);
    if (meaning?.kind !== 'run') return;
    const write = this.#drain();
    await this.#look(client, signal);
    await write(client, signal);
    const notes = await this.#noted(signal);
    const { undo, warnings } = await define(client, meaning.definition, {
      notes,
      isPartial: this.#isPartial,
      signal,
    });
    for (const warning of warnings) this.#warnings.add(warning);
    this.#notes = { ...notes, undo };
    this.#tables.forget();
    this.#hasDefined = true;
  }

  get #isFull(): boolean {
    return this.#waitingRows >= MOST_ROWS || this.#waitingBytes >= MOST_BYTES;
  }

  #isPast({ committedAt, xid }: Begin): boolean {
    const { at, beforeTransaction } = this.#until;
    if (at !== undefined && momentOf(committedAt) > at) return true;
    if (beforeTransaction === undefined) return false;
    return beforeTransaction === String(xid) || beforeTransaction === String(widen(xid, this.#snapshot.xmax));
  }

  async #open(client: pg.Client, signal: AbortSignal): Promise<void> {
    if (!this.#isOpen) await query(client, 'BEGIN', signal);
    this.#isOpen = true;
  }

  /** The target is about to be asked what it has. */
  async #look(client: pg.Client, signal: AbortSignal): Promise<void> {
    await this.#meanwhile.settle();
    await this.#open(client, signal);
  }

  /** Begins to write what waits. */
  async #write(client: pg.Client, signal: AbortSignal): Promise<void> {
    const write = this.#drain();
    await this.#meanwhile.begin(async () => {
      await this.#open(client, signal);
      await write(client, signal);
    });
  }

  /** Begins to commit what was applied, with the note that it was. */
  async #save(
    client: pg.Client,
    to: ChangePosition,
    signal: AbortSignal,
    changes?: StoredChanges,
  ): Promise<void> {
    const noted = await this.#noted(signal);
    const write = this.#drain();
    this.#unsavedRows = 0;
    const notes: Notes = {
      ...noted,
      to,
      sequences: changes?.facts.sequences ?? noted.sequences,
      warnings: [...new Set([...noted.warnings, ...this.#warnings])],
    };
    await this.#meanwhile.begin(async () => {
      await this.#open(client, signal);
      await write(client, signal);
      await noteProgress(client, notes, signal);
      await query(client, 'COMMIT', signal);
      this.#isOpen = false;
      this.#notes = notes;
    });
  }

  #drain(): ReturnType<ReplayTables['drain']> {
    this.#waitingRows = 0;
    this.#waitingBytes = 0;
    return this.#tables.drain();
  }

  /** What was not committed comes again. */
  #forget(): void {
    this.#tables.forget();
    this.#waitingRows = 0;
    this.#waitingBytes = 0;
    this.#unsavedRows = 0;
    this.#hasDefined = false;
    this.#notes = undefined;
  }

  async #session(signal: AbortSignal): Promise<{ readonly client: pg.Client; readonly isReplica: boolean }> {
    if (this.#client && !this.#client.connection.stream.destroyed)
      return {
        client: this.#client,
        isReplica: this.#notes?.isReplica ?? (await becomeReplica(this.#client, signal)),
      };
    this.#client = await openSession(this.#options, signal, { use: 'write' });
    return { client: this.#client, isReplica: await becomeReplica(this.#client, signal) };
  }

  async #readNotes(signal: AbortSignal): Promise<Notes | undefined> {
    const { client, isReplica } = await this.#session(signal);
    this.#notes = await readNotes(client, signal);
    if (!this.#notes) return undefined;
    if (this.#notes.replay !== this.#name)
      throw new HoldfastError(
        'E_TARGET_NOT_EMPTY',
        `${this.#server} has an unfinished restore of another backup or moment`,
        {
          hint: 'Restore into an empty database, or begin again with --replace.',
        },
      );
    if (this.#notes.isReplica !== isReplica)
      throw new HoldfastError(
        'E_SOURCE_DENIED',
        `${this.#server}: the restore was begun by a login with other privileges`,
        {
          hint: 'Use the login that began it.',
        },
      );
    return this.#notes;
  }

  async #noted(signal: AbortSignal): Promise<Notes> {
    const notes = this.#notes ?? (await this.#readNotes(signal));
    if (notes) return notes;
    throw new HoldfastError('E_INTERNAL', 'changes are applied to a base before the replay was begun');
  }

  async #inTransaction<T>(client: pg.Client, signal: AbortSignal, work: () => Promise<T>): Promise<T> {
    await query(client, 'BEGIN', signal);
    try {
      const result = await work();
      await query(client, 'COMMIT', signal);
      return result;
    } catch (error) {
      await this.#drop();
      throw error;
    }
  }

  async #drop(): Promise<void> {
    const client = this.#client;
    this.#client = undefined;
    if (client) await disconnect(client);
    await this.#meanwhile.settle().catch(() => undefined);
    this.#isOpen = false;
  }

  get #server(): string {
    return postgresName(this.#options);
  }
}

/** Messages that count whatever transaction they are in. */
const ALWAYS: ReadonlySet<number> = new Set([BEGIN, RELATION, TYPE]);

function hasStatements({ facts }: StoredChanges): boolean {
  return (facts.definitions?.statements ?? 0) > 0;
}

/** Just behind the record of a commit: what ended later comes next. */
function after(position: ChangePosition, commitLsn: bigint): ChangePosition {
  return formatPlace({ ...parsePlace(position), lsn: commitLsn + 1n });
}
