import type pg from 'pg';
import { HoldfastError } from '../../../core/errors.ts';
import type { ChangeBatch, ChangeFacts, ChangePosition } from '../../changes.ts';
import { copyOut } from '../copy/copy-out.ts';
import { quoteIdent, quoteLiteral } from '../text/identifiers.ts';
import { readTriggerKey } from './ddl/state.ts';
import { DefinitionWitness } from './ddl/witness.ts';
import { readServerFacts, type ServerFacts } from './facts.ts';
import { formatLsn, formatPlace, type Place } from './position.ts';
import { type LogState, PUBLICATION_SKIPPED } from './slot.ts';
import { StretchFilter } from './stretch-filter.ts';

/** Where a stretch is, and what its server said before. */
export interface StretchOptions {
  readonly start: Place;
  readonly to: bigint;
  /** The log goes on behind it. */
  readonly isCut: boolean;
  readonly state: LogState;
  readonly signal: AbortSignal;
  readonly fail: (error: unknown) => unknown;
}

/** What lies between two places of the log. */
export class Stretch implements ChangeBatch {
  readonly from: ChangePosition;
  readonly to: ChangePosition;
  readonly isCut: boolean;
  readonly #client: pg.Client;
  readonly #name: string;
  readonly #options: StretchOptions;
  #witness = new DefinitionWitness(undefined);
  #filter: StretchFilter;
  #serverFacts: ServerFacts | undefined;

  constructor(client: pg.Client, name: string, options: StretchOptions) {
    this.#client = client;
    this.#name = name;
    this.#options = options;
    const { start, to, isCut } = options;
    this.isCut = isCut;
    this.from = formatPlace(start);
    this.to = formatPlace({ ...start, lsn: to });
    this.#filter = new StretchFilter(start.lsn, to);
  }

  async *bytes(): AsyncGenerator<Uint8Array> {
    if (this.to === this.from) return;
    const { signal, to, state, fail } = this.#options;
    const object = `the slot ${this.#name}`;
    try {
      this.#witness = new DefinitionWitness(await readTriggerKey(this.#client, this.#name, signal));
      this.#filter = new StretchFilter(this.#options.start.lsn, to, this.#witness);
      let isSkipped = false;
      const onNotice = (code: string): void => {
        isSkipped ||= code === PUBLICATION_SKIPPED;
      };
      const sql = peekSql(this.#name, to, state.version);
      for await (const block of copyOut(this.#client, sql, signal, { object, onNotice }))
        yield* this.#filter.push(block);
      if (isSkipped) throw skippedChanges(this.#name);
      yield* this.#filter.end();
    } catch (error) {
      throw fail(error);
    }
    await this.readFacts();
  }

  async readFacts(): Promise<void> {
    this.#serverFacts = await readServerFacts(this.#client, this.#name, this.#options.signal);
  }

  facts(): ChangeFacts {
    if (!this.#serverFacts) throw new HoldfastError('E_INTERNAL', 'facts are known when all bytes were read');
    const { transactions, firstCommit, lastCommit } = this.#filter;
    const { definitions, ...said } = this.#serverFacts;
    return {
      transactions,
      firstCommit,
      lastCommit,
      readAt: this.#options.state.now,
      ...said,
      ...(definitions
        ? { definitions: { ...definitions, statements: this.#witness.statements, ...this.#problem() } }
        : {}),
    };
  }

  #problem(): { readonly problem?: string } {
    const { problem } = this.#witness;
    return problem === undefined ? {} : { problem };
  }
}

const FIRST_WITH_MESSAGES = 140_000;

/** Peeking takes nothing away: what was given once is given again until `release`. */
function peekSql(name: string, to: bigint, version: number): string {
  const options = [
    'proto_version',
    '1',
    'publication_names',
    quoteIdent(name),
    ...(version >= FIRST_WITH_MESSAGES ? ['messages', 'true'] : []),
  ];
  return `COPY (SELECT lsn, xid, data FROM pg_catalog.pg_logical_slot_peek_binary_changes(
    ${quoteLiteral(name)}, ${quoteLiteral(formatLsn(to))}, NULL, ${options.map(quoteLiteral).join(', ')})) TO STDOUT (FORMAT binary)`;
}

/** PostgreSQL 18 goes on without a publication that was made later. */
function skippedChanges(name: string): HoldfastError {
  return new HoldfastError(
    'E_CHANGES_GAP',
    `the publication ${name} is younger than its slot: the server skipped changes from before it`,
    { hint: 'Make a new backup: moments after it can be restored.' },
  );
}
