import type pg from 'pg';
import { HoldfastError } from '../../../core/errors.ts';
import type { ChangeSetup, ChangeSetupOptions, ChangeSetupPlan, ChangeSetupState } from '../../changes.ts';
import { runChecks, type SourceCheck } from '../../source-checks.ts';
import { disconnect, query } from '../connection/connection.ts';
import {
  type AdapterOptions,
  type Environment,
  type PostgresOptions,
  parsePostgresOptions,
  postgresName,
} from '../connection/options.ts';
import { openSession } from '../snapshot/session.ts';
import { quoteIdent } from '../text/identifiers.ts';
import { readTriggers } from './ddl/state.ts';
import { removeTriggersSql } from './ddl/trigger.ts';
import { changesName } from './names.ts';
import { formatPlace } from './position.ts';
import { CHANGE_CHECKS, type ChangeCheckContext } from './setup/checks.ts';
import { listPublishable, readFitness } from './setup/inventory.ts';
import { planSetup, type SetupSituation } from './setup/plan.ts';
import { dropSlot } from './setup/slot-actions.ts';
import { type LogState, lossOf, readLogState } from './slot.ts';

/** @throws E_CONFIG listing every problem */
export function openPostgresSetup(url: string, options: AdapterOptions, env: Environment): ChangeSetup {
  return new PostgresSetup(parsePostgresOptions(url, options, env));
}

/** A publication and a replication slot of one name. */
class PostgresSetup implements ChangeSetup {
  readonly #options: PostgresOptions;
  readonly #name: string;
  #client: pg.Client | undefined;

  constructor(options: PostgresOptions) {
    this.#options = options;
    this.#name = changesName(options);
  }

  async plan(options: ChangeSetupOptions, signal: AbortSignal): Promise<ChangeSetupPlan> {
    return planSetup(await this.#situation(signal), options);
  }

  async setUp(options: ChangeSetupOptions, signal: AbortSignal): Promise<void> {
    const { statements, refusals } = await this.plan(options, signal);
    if (refusals[0] !== undefined)
      throw new HoldfastError(
        'E_CHANGES_UNSAFE',
        `${this.#server} cannot be set up for continuous backup: ${refusals[0]}`,
        {
          hint: 'Run `holdfast pitr setup --print` to see every reason. Nothing was changed.',
          details: { refusals: refusals.length },
        },
      );
    const client = await this.#session(signal);
    for (const { sql } of statements) await this.#run(client, sql, signal);
  }

  async *check(signal: AbortSignal): AsyncGenerator<SourceCheck> {
    const context: ChangeCheckContext = { options: this.#options, name: this.#name, client: undefined };
    try {
      yield* runChecks(CHANGE_CHECKS, context, { mayWrite: false, signal });
    } finally {
      if (context.client) await disconnect(context.client);
    }
  }

  async state(signal: AbortSignal): Promise<ChangeSetupState> {
    const client = await this.#session(signal);
    const { publication } = await readFitness(client, this.#name, signal);
    const log = await readLogState(client, this.#name, signal);
    const { slot } = log;
    if (!slot || !publication)
      return {
        isSetUp: false,
        ...(slot || publication
          ? {
              problem: `The ${slot ? 'publication' : 'slot'} ${this.#name} is missing: run holdfast pitr setup.`,
            }
          : {}),
      };
    const loss = lossOf(slot);
    return {
      isSetUp: true,
      position: formatPlace({ ...log.flushed, lsn: slot.confirmed }),
      heldBytes: heldBytes(log),
      lastReadAt: slot.inactiveSince,
      problem:
        loss === undefined
          ? undefined
          : `Changes were lost: ${loss}. The next poll makes a new slot, and a new backup is needed.`,
    };
  }

  async remove(signal: AbortSignal): Promise<void> {
    const client = await this.#session(signal);
    const { slot } = await readLogState(client, this.#name, signal);
    if (slot && slot.database === this.#options.database)
      await dropSlot(client, this.#name, { endReader: true, signal });
    if ((await readTriggers(client, this.#name, signal)).isThere)
      await this.#run(client, removeTriggersSql(this.#name), signal);
    await query(client, `DROP PUBLICATION IF EXISTS ${quoteIdent(this.#name)}`, signal);
  }

  async letGo(
    { mostHeldBytes, mostIdleMs }: { readonly mostHeldBytes: number; readonly mostIdleMs: number },
    signal: AbortSignal,
  ): Promise<boolean> {
    const client = await this.#session(signal);
    const log = await readLogState(client, this.#name, signal);
    const { slot, now } = log;
    if (!slot || slot.database !== this.#options.database) return false;
    const idleSince = slot.isActive ? undefined : slot.inactiveSince;
    const isIdle = idleSince !== undefined && Date.parse(now) - Date.parse(idleSince) > mostIdleMs;
    if (heldBytes(log) <= mostHeldBytes && !isIdle) return false;
    await dropSlot(client, this.#name, { endReader: true, signal });
    return true;
  }

  async [Symbol.asyncDispose](): Promise<void> {
    if (this.#client) await disconnect(this.#client);
    this.#client = undefined;
  }

  async #situation(signal: AbortSignal): Promise<SetupSituation> {
    const client = await this.#session(signal);
    const { database } = this.#options;
    return {
      name: this.#name,
      database,
      fitness: await readFitness(client, this.#name, signal),
      slot: (await readLogState(client, this.#name, signal)).slot,
      tables: await listPublishable(client, this.#name, signal),
      triggers: await readTriggers(client, this.#name, signal),
    };
  }

  /** What fails within a transaction leaves none open. */
  async #run(client: pg.Client, sql: string, signal: AbortSignal): Promise<void> {
    try {
      await query(client, sql, signal);
    } catch (error) {
      if (!client.connection.stream.destroyed) await query(client, 'ROLLBACK', signal);
      throw error;
    }
  }

  async #session(signal: AbortSignal): Promise<pg.Client> {
    if (this.#client?.connection.stream.destroyed) this.#client = undefined;
    this.#client ??= await openSession(this.#options, signal);
    return this.#client;
  }

  get #server(): string {
    return postgresName(this.#options);
  }
}

/** From where the server must keep its log to where it is written. */
function heldBytes({ slot, inserted }: LogState): number {
  return slot?.restart === undefined ? 0 : Number(inserted - slot.restart);
}
