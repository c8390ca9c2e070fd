import type pg from 'pg';
import { HoldfastError, isHoldfastError } from '../../../core/errors.ts';
import { sleep } from '../../../core/sleep.ts';
import { KiB, MiB, SECOND_MS } from '../../../core/units.ts';
import type { ChangeBatch, ChangePosition, ChangeSource } from '../../changes.ts';
import { disconnect, query } from '../connection/connection.ts';
import {
  type AdapterOptions,
  type Environment,
  type PostgresOptions,
  parsePostgresOptions,
  postgresName,
} from '../connection/options.ts';
import { openSession } from '../snapshot/session.ts';
import { changesName } from './names.ts';
import { formatLsn, formatPlace, isSameHistory, type Place, parsePlace } from './position.ts';
import { dropSlot, makeSlot } from './setup/slot-actions.ts';
import { type LogState, lossOf, readLogState, type SlotState } from './slot.ts';
import { Stretch } from './stretch.ts';

/** Records never begin between the start of a page and the end of its header: stretches end where pages do. */
const PAGE_BYTES = BigInt(64 * KiB);
/** Commits that are not waited for (`synchronous_commit = off`) are on disk after three times `wal_writer_delay`, which is 10 s at most. */
const FLUSH_WAIT_MS = 35 * SECOND_MS;
const FLUSH_STEP_MS = 50;

/** @throws E_CONFIG listing every problem */
export function openPostgresChanges(url: string, options: AdapterOptions, env: Environment): ChangeSource {
  return new PostgresChanges(parsePostgresOptions(url, options, env));
}

/** The changes of a PostgreSQL database, peeked at through a replication slot. */
class PostgresChanges implements ChangeSource {
  readonly #options: PostgresOptions;
  readonly #name: string;
  #client: pg.Client | undefined;
  /** The server keeps changes that it cannot give: the publication is younger than they are. */
  #isUnreadable = false;

  constructor(options: PostgresOptions) {
    this.#options = options;
    this.#name = changesName(options);
  }

  async begins(signal: AbortSignal): Promise<ChangePosition> {
    const client = await this.#session(signal);
    await this.#renew(client, signal);
    const { flushed, slot } = await this.#look(client, signal);
    // Another poller may have moved the slot to here: what lies behind it stays, as it may be about to be stored.
    if (!this.#isUnreadable) return formatPlace({ ...flushed, lsn: slot.confirmed });
    await this.release(formatPlace(flushed), signal);
    this.#isUnreadable = false;
    return formatPlace({ ...flushed, lsn: (await this.#look(client, signal)).slot.confirmed });
  }

  async read(
    from: ChangePosition,
    { mostBytes, signal }: { readonly mostBytes: number; readonly signal: AbortSignal },
  ): Promise<ChangeBatch> {
    const client = await this.#session(signal);
    const start = parsePlace(from);
    const state = await this.#look(client, signal);
    this.#checkNoGap(start, state);
    const end = await waitForFlush(client, this.#name, state, signal);
    const to = stretchEnd(start.lsn, end, mostBytes);
    const stretch = new Stretch(client, this.#name, {
      start,
      to,
      isCut: to < end,
      state,
      signal,
      fail: (error) => this.#fail(error),
    });
    if (to > start.lsn) return stretch;
    // Nothing was written since: facts are all that there is to read.
    await stretch.readFacts();
    return stretch;
  }

  async release(to: ChangePosition, signal: AbortSignal): Promise<void> {
    const client = await this.#session(signal);
    const place = parsePlace(to);
    const { slot, ...state } = await this.#look(client, signal);
    this.#checkNoGap(place, { slot: { ...slot, confirmed: 0n }, ...state });
    if (slot.confirmed >= place.lsn) return;
    try {
      await query(client, 'SELECT pg_catalog.pg_replication_slot_advance($1, $2)', signal, {
        values: [this.#name, formatLsn(place.lsn)],
      });
    } catch (error) {
      // Another poller was faster: the slot is there, or further.
      if (isHoldfastError(error) && error.details['sqlState'] === '22023') return;
      throw this.#fail(error);
    }
  }

  async [Symbol.asyncDispose](): Promise<void> {
    if (this.#client) await disconnect(this.#client);
    this.#client = undefined;
  }

  async #session(signal: AbortSignal): Promise<pg.Client> {
    if (this.#client?.connection.stream.destroyed) this.#client = undefined;
    this.#client ??= await openPolling(this.#options, signal);
    return this.#client;
  }

  /** A slot that was lost, or that the watchdog let go, is made again if the database is still set up. */
  async #renew(client: pg.Client, signal: AbortSignal): Promise<void> {
    const { slot, isStandby, hasPublication } = await readLogState(client, this.#name, signal);
    if (isStandby || !hasPublication || (slot && lossOf(slot) === undefined)) return;
    if (slot && slot.database === this.#options.database)
      await dropSlot(client, this.#name, { endReader: false, signal });
    await makeSlot(client, this.#name, signal);
  }

  async #look(client: pg.Client, signal: AbortSignal): Promise<LogState & { readonly slot: SlotState }> {
    const state = await readLogState(client, this.#name, signal);
    const { slot } = state;
    // First: it has the publication of its primary, and not the slot, which is no gap.
    if (state.isStandby)
      throw new HoldfastError(
        'E_SOURCE_UNSUPPORTED',
        `${this.#server} is a standby; changes are read from the primary`,
        {
          hint: 'Name the primary in the URL of the source.',
        },
      );
    if (!slot && state.hasPublication)
      throw this.#gap(
        `its slot ${this.#name} is gone: the watchdog or somebody else dropped it`,
        'The next poll makes a new one. Make a new backup: moments after it can be restored.',
      );
    if (!slot) throw this.#notSetUp(`has no replication slot ${this.#name}`);
    if (!state.hasPublication) throw this.#notSetUp(`has no publication ${this.#name}`);
    if (slot.database !== this.#options.database || slot.plugin !== 'pgoutput')
      throw this.#notSetUp(
        `has a slot ${this.#name} of the database ${slot.database} with the plugin ${slot.plugin}, which is not Holdfast's`,
      );
    return { ...state, slot };
  }

  /** @throws E_CHANGES_GAP if what follows `from` is not all there */
  #checkNoGap(
    from: Place,
    { flushed, slot }: Pick<LogState, 'flushed'> & { readonly slot: SlotState },
  ): void {
    const loss = lossOf(slot);
    if (loss !== undefined)
      throw this.#gap(loss, 'Run `holdfast pitr setup`, which makes a new slot, then make a new backup.');
    if (!isSameHistory(from, flushed))
      throw this.#gap(
        `it is not the same server as before, or it was restored or promoted (system ${flushed.system}, timeline ${flushed.timeline}; was ${from.system}, ${from.timeline})`,
        'Make a new backup: moments after it can be restored.',
      );
    if (from.lsn > flushed.lsn)
      throw this.#gap(
        `its log ends at ${formatLsn(flushed.lsn)}, before ${formatLsn(from.lsn)}, which was already read: it went back in time`,
        'Make a new backup: moments after it can be restored.',
      );
    if (slot.confirmed > from.lsn)
      throw this.#gap(
        `its slot begins at ${formatLsn(slot.confirmed)}, after ${formatLsn(from.lsn)}, where the stored changes end`,
        'Somebody else read the slot or made it again. Make a new backup: moments after it can be restored.',
      );
  }

  /** An error of the slot's own functions. */
  #fail(error: unknown): unknown {
    if (!isHoldfastError(error)) return error;
    if (error.code === 'E_CHANGES_GAP') this.#isUnreadable = true;
    const state = String(error.details['sqlState'] ?? '');
    if (state === '55006')
      return new HoldfastError(
        'E_CHANGES_BUSY',
        `${this.#server}: somebody else reads the slot ${this.#name} now`,
        {
          cause: error,
          hint: 'Nothing is lost: the other one stores what it reads. Run only one poller.',
        },
      );
    // Its publication, or the slot itself: both were there a moment ago.
    if (state === '42704') {
      this.#isUnreadable = true;
      return this.#gap(
        `its slot ${this.#name} is gone, or older than the publication`,
        'Make a new backup: moments after it can be restored.',
        error,
      );
    }
    if (state === '55000' || state === '58P01')
      return this.#gap(
        'it can no longer read the log that its slot should keep',
        'Run `holdfast pitr setup`, then make a new backup.',
        error,
      );
    return error;
  }

  #gap(what: string, hint: string, cause?: unknown): HoldfastError {
    return new HoldfastError('E_CHANGES_GAP', `${this.#server} no longer has all changes: ${what}`, {
      hint,
      cause,
    });
  }

  #notSetUp(what: string): HoldfastError {
    return new HoldfastError('E_CHANGES_NOT_SET_UP', `${this.#server} ${what}`, {
      hint: 'Run: holdfast pitr setup.',
    });
  }

  get #server(): string {
    return postgresName(this.#options);
  }
}

/** Warnings are listened to. */
async function openPolling(options: PostgresOptions, signal: AbortSignal): Promise<pg.Client> {
  const client = await openSession(options, signal);
  await query(client, "SET client_min_messages = 'warning'", signal);
  return client;
}

/** At a page's end if the stretch is cut off, else where the log ends. */
function stretchEnd(from: bigint, end: bigint, mostBytes: number): bigint {
  const most = from + BigInt(Math.max(mostBytes, MiB));
  return end <= most ? end : most - (most % PAGE_BYTES);
}

/** @returns up to where the log holds all that was committed before `state.now` @throws E_SOURCE_FAILED */
async function waitForFlush(
  client: pg.Client,
  name: string,
  { flushed, inserted }: LogState,
  signal: AbortSignal,
): Promise<bigint> {
  let { lsn } = flushed;
  for (let waited = 0; lsn < inserted; waited += FLUSH_STEP_MS) {
    if (waited > FLUSH_WAIT_MS)
      throw new HoldfastError('E_SOURCE_FAILED', 'the server does not write its log to disk', {
        hint: 'See its log: the disk may be full or failing.',
      });
    await sleep(FLUSH_STEP_MS, signal);
    ({ lsn } = (await readLogState(client, name, signal)).flushed);
  }
  return lsn;
}
