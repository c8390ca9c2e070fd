import { throwIfAborted } from '../../../core/abort.ts';
import { HoldfastError } from '../../../core/errors.ts';
import type { ChangePosition, ChangeReplay, Replayed, ReplayOptions, StoredChanges } from '../../changes.ts';
import type { Session } from '../connection/connection.ts';
import { isGrantedGlobally, readGrants } from '../connection/grants.ts';
import {
  type AdapterOptions,
  databaseOf,
  type Environment,
  type MysqlOptions,
  parseMysqlOptions,
} from '../connection/options.ts';
import { openSession } from '../connection/session-settings.ts';
import { quoteName, quoteText } from '../text/identifiers.ts';
import { decodeState, type JoinState } from './base-join.ts';
import { microsOf } from './log/commit-time.ts';
import { parsePosition, positionText } from './position.ts';
import { isAnnotating } from './replay/annotations.ts';
import { Definer } from './replay/definer.ts';
import { makeNote, type Note, readNote, removeNote } from './replay/note.ts';
import { Player } from './replay/player.ts';
import { PreparedTransactions } from './replay/prepared.ts';
import { Replaying } from './replay/replaying.ts';
import { Until } from './replay/until.ts';

/** @throws E_CONFIG listing every problem, E_USAGE */
export function openMysqlReplay(
  url: string,
  options: AdapterOptions,
  env: Environment,
  replay: ReplayOptions,
): ChangeReplay {
  const parsed = parseMysqlOptions(url, options, env);
  databaseOf(parsed);
  return new MysqlReplay(parsed, replay);
}

/** The same, of options that were parsed and name a database. */
export function replayAt(options: MysqlOptions, replay: ReplayOptions): ChangeReplay {
  return new MysqlReplay(options, replay);
}

interface Opened {
  readonly rows: Session;
  readonly player: Player;
  readonly definer: Definer;
}

/** Applies events of a binary log to a database that a backup was restored into. */
class MysqlReplay implements ChangeReplay {
  readonly #options: MysqlOptions;
  readonly #replay: ReplayOptions;
  readonly #state: JoinState;
  readonly #until: Until;
  readonly #prepared = new PreparedTransactions();
  #opened: Opened | undefined;
  #sessions: Session[] = [];
  #note: Note | undefined;
  #sequences: Readonly<Record<string, string>> = {};
  /** The server's clock when the last stretch was read. */
  #readAt: bigint | undefined;
  #isReached = false;
  readonly #leftOut = new Set<string>();

  constructor(options: MysqlOptions, replay: ReplayOptions) {
    this.#options = options;
    this.#replay = replay;
    this.#state = decodeState(replay.join.state);
    this.#until = new Until(replay.until);
  }

  async resumes(signal: AbortSignal): Promise<{ readonly to: ChangePosition } | undefined> {
    const { rows } = await this.#open(signal);
    this.#note = await readNote(rows, this.#replay.base, signal);
    return this.#note && { to: positionText(this.#note.needs) };
  }

  async begin(signal: AbortSignal): Promise<void> {
    const { rows } = await this.#open(signal);
    await refuseEvents(rows, signal);
    const note = {
      done: this.#state.at,
      needs: parsePosition(this.#replay.join.from),
      definition: undefined,
    };
    await makeNote(rows, this.#replay.base, note, signal);
    this.#note = note;
  }

  async apply(changes: StoredChanges, signal: AbortSignal): Promise<Replayed> {
    throwIfAborted(signal);
    const { player, definer } = await this.#open(signal);
    const note = this.#note ?? (await this.#noted(signal));
    if (this.#isReached) return { transactions: 0, rows: 0, isReached: true };
    const replaying = new Replaying({
      player,
      definer,
      note,
      until: this.#until,
      prepared: this.#prepared,
      database: databaseOf(this.#options),
      datasets: this.#replay.datasets,
      leftOut: this.#leftOut,
      times: {
        after: this.#readAt,
        notAfter: changes.facts.lastCommit === undefined ? undefined : microsOf(changes.facts.lastCommit),
      },
    });
    const replayed = await replaying.run(changes, signal);
    this.#note = replaying.note;
    this.#isReached = replayed.isReached;
    this.#readAt = microsOf(changes.facts.readAt);
    this.#sequences = changes.facts.sequences;
    return replayed;
  }

  async finish(signal: AbortSignal): Promise<{ readonly warnings: readonly string[] }> {
    const { rows } = await this.#open(signal);
    const { transaction } = this.#until;
    if (transaction !== undefined && !this.#isReached)
      throw new HoldfastError(
        'E_NO_MOMENT',
        `transaction ${transaction} is not among the stored changes, all of which were applied`,
        { hint: 'Check its id (GTID). To restore everything that is stored, leave out the transaction.' },
      );
    const warnings = [...this.#warnings(), ...(await setSequences(rows, this.#sequences, signal))];
    await removeNote(rows, signal);
    return { warnings };
  }

  async [Symbol.asyncDispose](): Promise<void> {
    await Promise.all(this.#sessions.splice(0).map((session) => session.close()));
    this.#opened = undefined;
  }

  #warnings(): readonly string[] {
    const prepared = this.#prepared.ids;
    return [
      ...[...this.#leftOut].map((what) => what),
      ...(prepared.length === 0
        ? []
        : [
            `These transactions were prepared (XA) but not yet committed at that moment, so their changes are not in the database: ${prepared.join('; ')}.`,
          ]),
    ];
  }

  async #noted(signal: AbortSignal): Promise<Note> {
    await this.resumes(signal);
    if (this.#note) return this.#note;
    throw new HoldfastError('E_INTERNAL', 'changes are applied before the replay began');
  }

  async #open(signal: AbortSignal): Promise<Opened> {
    if (this.#opened) return this.#opened;
    const database = databaseOf(this.#options);
    const rows = await this.#connect(signal);
    await checkRights(rows, database, signal);
    const definitions = await this.#connect(signal);
    const isAnnotated = await isAnnotating(rows, signal);
    const [most] = await rows.query<{ bytes: string }>('SELECT @@max_allowed_packet AS bytes', signal);
    this.#opened = {
      rows,
      player: new Player(rows, { mostPacketBytes: Number(most?.bytes), isAnnotated }),
      definer: await Definer.open(
        { session: definitions, looking: rows },
        { source: this.#state.database, target: database },
        signal,
      ),
    };
    return this.#opened;
  }

  async #connect(signal: AbortSignal): Promise<Session> {
    const isFirst = this.#sessions.length === 0;
    const session = await openSession(this.#options, signal, { use: 'write', isFirst });
    this.#sessions.push(session);
    return session;
  }
}

/** @throws E_SOURCE_DENIED if the user may not apply events of a log */
async function checkRights(session: Session, database: string, signal: AbortSignal): Promise<void> {
  const grants = await readGrants(session, database, signal);
  const right = session.isMariaDb ? 'BINLOG REPLAY' : 'BINLOG_ADMIN';
  if (isGrantedGlobally(grants, right)) return;
  throw new HoldfastError(
    'E_SOURCE_DENIED',
    `${session.server}: the user lacks ${right}, so it cannot apply events of a binary log`,
    {
      hint: `GRANT ${right} ON *.* TO the user of the target; before MariaDB 10.5 and MySQL 8.0, GRANT SUPER.`,
    },
  );
}

/** @throws E_SOURCE_UNSUPPORTED if the server would run events of the database meanwhile */
async function refuseEvents(session: Session, signal: AbortSignal): Promise<void> {
  const [row] = await session.query<{ scheduler: string }>(
    'SELECT @@global.event_scheduler AS scheduler',
    signal,
  );
  if (row?.scheduler !== 'ON') return;
  const events = await session.query<{ name: string }>(
    "SELECT EVENT_NAME AS name FROM information_schema.EVENTS WHERE EVENT_SCHEMA = DATABASE() AND STATUS = 'ENABLED'",
    signal,
  );
  if (events.length === 0) return;
  throw new HoldfastError(
    'E_SOURCE_UNSUPPORTED',
    `the server would run the scheduled events ${events.map(({ name }) => name).join(', ')} while changes are applied`,
    {
      hint: 'Run SET GLOBAL event_scheduler=OFF on the target, then run the restore again: it continues. Turn the scheduler on afterwards.',
    },
  );
}

/** Brings sequences on to what they were when the last changes were read; none goes back. */
async function setSequences(
  session: Session,
  sequences: Readonly<Record<string, string>>,
  signal: AbortSignal,
): Promise<readonly string[]> {
  const known = await session.query<{ name: string }>(
    "SELECT TABLE_NAME AS name FROM information_schema.TABLES WHERE TABLE_SCHEMA = DATABASE() AND TABLE_TYPE = 'SEQUENCE'",
    signal,
  );
  for (const { name } of known) {
    const value = sequences[name];
    if (value !== undefined && /^-?\d+$/.test(value))
      await session.query(`SELECT SETVAL(${quoteName(name)}, ${value}, 0)`, signal, { object: name });
  }
  const missing = Object.keys(sequences).filter((name) => !known.some((one) => one.name === name));
  return missing.length === 0
    ? []
    : [`Sequences that were made later are missing: ${missing.map(quoteText).join(', ')}.`];
}
