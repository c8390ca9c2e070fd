import { throwIfAborted } from '../../../core/abort.ts';
import { HoldfastError } from '../../../core/errors.ts';
import type { ChangeSetup, ChangeSetupOptions, ChangeSetupPlan, ChangeSetupState } from '../../changes.ts';
import { type Check, differs, holds, runChecks, type SourceCheck } from '../../source-checks.ts';
import type { Session } from '../connection/connection.ts';
import {
  type AdapterOptions,
  databaseOf,
  type Environment,
  type MysqlOptions,
  parseMysqlOptions,
} from '../connection/options.ts';
import { openSession } from '../connection/session-settings.ts';
import { dumpLog } from './log/dump.ts';
import { presentPlace } from './log/server-log.ts';
import { positionText } from './position.ts';
import { type LogFacts, readFacts } from './setup/facts.ts';
import { type Finding, REQUIREMENTS } from './setup/requirements.ts';

/** @throws E_CONFIG listing every problem */
export function openMysqlSetup(url: string, options: AdapterOptions, env: Environment): ChangeSetup {
  const parsed = parseMysqlOptions(url, options, env);
  databaseOf(parsed);
  return new MysqlSetup(parsed);
}

/** Statements that only people can run, elsewhere. */
const isElsewhere = (sql: string) => sql.startsWith('--');

/** Settings of a server and rights of a user: nothing else is set up, as readers of a binary log leave no trace. */
class MysqlSetup implements ChangeSetup {
  readonly #options: MysqlOptions;
  #session: Session | undefined;

  constructor(options: MysqlOptions) {
    this.#options = options;
  }

  async plan(options: ChangeSetupOptions, signal: AbortSignal): Promise<ChangeSetupPlan> {
    const findings = await this.#findings(signal);
    const statements = findings.flatMap(({ statement }) => statement ?? []);
    return {
      statements,
      refusals: findings.flatMap(({ refusal }) => refusal ?? []),
      warnings: [...findings.flatMap(({ warning }) => warning ?? []), ...notesOn(options, statements)],
    };
  }

  async setUp(options: ChangeSetupOptions, signal: AbortSignal): Promise<void> {
    const { statements, refusals } = await this.plan(options, signal);
    const [refusal] = refusals;
    if (refusal !== undefined) throw new HoldfastError('E_CHANGES_UNSAFE', `${refusal} Nothing was changed.`);
    const elsewhere = statements.find(({ sql }) => isElsewhere(sql));
    if (elsewhere)
      throw new HoldfastError(
        'E_CHANGES_UNSAFE',
        `${elsewhere.why}; a statement cannot change that here. Nothing was changed.`,
        {
          hint: `Change it ${elsewhere.sql.slice(3)}.`,
        },
      );
    const session = await this.#use(signal);
    for (const { sql } of statements) await session.query(sql, signal, { object: sql });
  }

  async *check(signal: AbortSignal): AsyncGenerator<SourceCheck> {
    const session = await this.#use(signal);
    const facts = await readFacts(session, this.#options, signal);
    yield* runChecks([...CHECKS, this.#readCheck(session)], facts, { mayWrite: false, signal });
  }

  async state(signal: AbortSignal): Promise<ChangeSetupState> {
    const findings = await this.#findings(signal);
    const needed = findings.filter(({ isOptional = false }) => !isOptional);
    const statements = needed.flatMap(({ statement }) => statement ?? []);
    const refusals = needed.flatMap(({ refusal }) => refusal ?? []);
    const [problem] = [...refusals, ...statements.map(({ sql, why }) => `${why}; run: ${sql}`)];
    if (problem !== undefined && !onlyRetentionOfRds(statements, refusals))
      return { isSetUp: false, problem };
    const session = await this.#use(signal);
    return { isSetUp: true, position: positionText(await presentPlace(session, this.#options, signal)) };
  }

  /** Nothing is left at the server, and settings stay: others may rely on them. */
  async remove(signal: AbortSignal): Promise<void> {
    throwIfAborted(signal);
  }

  /** The server holds nothing for us. */
  async letGo(_: unknown, signal: AbortSignal): Promise<boolean> {
    throwIfAborted(signal);
    return false;
  }

  async [Symbol.asyncDispose](): Promise<void> {
    await this.#session?.close();
  }

  async #findings(signal: AbortSignal): Promise<readonly Finding[]> {
    const facts = await readFacts(await this.#use(signal), this.#options, signal);
    return REQUIREMENTS.map((one) => one.look(facts));
  }

  #readCheck(session: Session): Check<LogFacts> {
    return {
      name: 'read-log',
      assumes: 'The end of the log can be read.',
      neededFor: 'backup',
      follows: 'No change can be read.',
      needs: 'log-rights',
      look: async (_, signal) => {
        const place = await presentPlace(session, this.#options, signal);
        for await (const _event of dumpLog(this.#options, place, signal)) break;
        return holds(`it ends at ${place.file}:${place.offset}`);
      },
    };
  }

  async #use(signal: AbortSignal): Promise<Session> {
    throwIfAborted(signal);
    if (!this.#session?.isOpen) this.#session = await openSession(this.#options, signal);
    return this.#session;
  }
}

const CHECKS: readonly Check<LogFacts>[] = REQUIREMENTS.map(({ name, assumes, follows, look }) => ({
  name,
  assumes,
  neededFor: 'backup' as const,
  follows,
  look: async (facts: LogFacts) => {
    const { seen, statement, refusal, warning } = look(facts);
    if (statement === undefined && refusal === undefined && warning === undefined) return holds(seen);
    return differs(seen, {
      fix: refusal ?? (statement ? `Run: ${statement.sql}` : warning),
      isMinor: refusal === undefined && (statement === undefined || MINOR.has(name)),
    });
  },
}));

/** What changes can be read without. */
const MINOR: ReadonlySet<string> = new Set(['checksums', 'retention', 'definitions', 'row-names']);

function onlyRetentionOfRds(
  statements: ChangeSetupPlan['statements'],
  refusals: ChangeSetupPlan['refusals'],
): boolean {
  return (
    refusals.length === 0 && statements.every(({ sql }) => sql.startsWith('CALL mysql.rds_set_configuration'))
  );
}

function notesOn(
  { mostHeldBytes, datasets, definitions = false }: ChangeSetupOptions,
  statements: ChangeSetupPlan['statements'],
): readonly string[] {
  const settings = statements
    .filter(({ sql }) => sql.startsWith('SET GLOBAL '))
    .map(({ sql }) => sql.slice('SET GLOBAL '.length));
  return [
    ...(settings.length === 0
      ? []
      : [
          `A restart of the server undoes SET GLOBAL. Also add this to its configuration, under [mysqld]: ${settings.join('; ')}.`,
        ]),
    ...(definitions
      ? ['The binary log has the statements that change definitions anyway: --ddl changes nothing here.']
      : []),
    ...(mostHeldBytes === undefined
      ? []
      : [
          'No limit is needed: the server holds nothing for Holdfast, and keeps its log for as long as its own settings say.',
        ]),
    ...(datasets === undefined ? [] : ['The log has all tables of the database: all are covered.']),
  ];
}
