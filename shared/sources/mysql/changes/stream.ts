import { throwIfAborted } from '../../../core/abort.ts';
import { MiB } from '../../../core/units.ts';
import type { ChangeBatch, ChangeFacts, ChangePosition, ChangeSource } from '../../changes.ts';
import type { Session } from '../connection/connection.ts';
import { ignoresCase } from '../connection/names-case.ts';
import {
  type AdapterOptions,
  databaseOf,
  type Environment,
  type MysqlOptions,
  parseMysqlOptions,
} from '../connection/options.ts';
import { openSession } from '../connection/session-settings.ts';
import { readDefinitions } from './definitions.ts';
import { dumpLog } from './log/dump.ts';
import type { Ownership } from './log/own-events.ts';
import { clockOf, presentPlace } from './log/server-log.ts';
import { walkFile } from './log/stretch.ts';
import { comparePlaces, type LogPosition, parsePosition, positionText } from './position.ts';
import { Survey } from './survey.ts';

/** What is kept of a stretch while its end is looked for; of a longer one the log is read twice. */
const MOST_KEPT_BYTES = 16 * MiB;

/** @throws E_CONFIG listing every problem */
export function openMysqlChanges(url: string, options: AdapterOptions, env: Environment): ChangeSource {
  const parsed = parseMysqlOptions(url, options, env);
  databaseOf(parsed);
  return new MysqlChanges(parsed);
}

/** Changes of one database, out of the server's binary log. Nothing is held at the server for it: a reader leaves no trace. */
class MysqlChanges implements ChangeSource {
  readonly #options: MysqlOptions;
  #session: Session | undefined;
  #ownership: Ownership | undefined;

  constructor(options: MysqlOptions) {
    this.#options = options;
  }

  async begins(signal: AbortSignal): Promise<ChangePosition> {
    const session = await this.#use(signal);
    return positionText(await presentPlace(session, this.#options, signal));
  }

  async read(
    from: ChangePosition,
    { mostBytes, signal }: { readonly mostBytes: number; readonly signal: AbortSignal },
  ): Promise<ChangeBatch> {
    const session = await this.#use(signal);
    const start = parsePosition(from);
    const ownership = await this.#own(session, signal);
    const before = await clockOf(session, signal);
    const survey = new Survey(start, { mostBytes, mostKeptBytes: MOST_KEPT_BYTES });
    for await (const step of this.#walk(start, ownership, signal)) if (survey.take(step)) break;
    survey.finish();
    const after = await clockOf(session, signal);
    const definitions = await readDefinitions(session, signal);
    const facts = survey.facts({ before, after, definitions });
    return new LogBatch({
      start,
      survey,
      facts,
      again: (signalled) => this.#walk(start, ownership, signalled),
      signal,
    });
  }

  /** The server keeps its log as long as its settings say, read or not. */
  async release(_: ChangePosition, signal: AbortSignal): Promise<void> {
    throwIfAborted(signal);
  }

  async [Symbol.asyncDispose](): Promise<void> {
    await this.#session?.close();
  }

  #walk(start: LogPosition, ownership: Ownership, signal: AbortSignal) {
    return walkFile(dumpLog(this.#options, start, signal), start, ownership);
  }

  async #use(signal: AbortSignal): Promise<Session> {
    throwIfAborted(signal);
    if (!this.#session?.isOpen) this.#session = await openSession(this.#options, signal);
    return this.#session;
  }

  async #own(session: Session, signal: AbortSignal): Promise<Ownership> {
    this.#ownership ??= {
      database: databaseOf(this.#options),
      ignoresCase: await ignoresCase(session, signal),
    };
    return this.#ownership;
  }
}

interface BatchParts {
  readonly start: LogPosition;
  readonly survey: Survey;
  readonly facts: ChangeFacts;
  readonly again: (signal: AbortSignal) => ReturnType<typeof walkFile>;
  readonly signal: AbortSignal;
}

class LogBatch implements ChangeBatch {
  readonly from: ChangePosition;
  readonly to: ChangePosition;
  readonly isCut: boolean;
  readonly #parts: BatchParts;

  constructor(parts: BatchParts) {
    this.#parts = parts;
    this.from = positionText(parts.start);
    this.to = positionText(parts.survey.to);
    this.isCut = parts.survey.isCut;
  }

  facts(): ChangeFacts {
    return this.#parts.facts;
  }

  async *bytes(): AsyncGenerator<Uint8Array, void, void> {
    const { survey, again, signal, start } = this.#parts;
    if (comparePlaces(start, survey.to) === 0) return;
    if (survey.kept) {
      yield* survey.kept;
      return;
    }
    for await (const step of again(signal)) {
      if (step.readBytes > survey.wholeBytes || step.isFileEnd) return;
      yield* step.blocks;
    }
  }
}
