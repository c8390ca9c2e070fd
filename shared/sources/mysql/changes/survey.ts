import { MiB } from '../../../core/units.ts';
import type { ChangeFacts } from '../../changes.ts';
import type { Definitions } from './definitions.ts';
import { CommitTimes, isoOf } from './log/commit-time.ts';
import type { Gtid } from './log/payloads.ts';
import type { Step } from './log/stretch.ts';
import type { LogPosition } from './position.ts';

/** Names of transactions in a warning. */
const MOST_NAMED = 5;
/** So much that is not ours is read again next time, rather than stored as a stretch without changes. */
const MOST_PASSED_BYTES = MiB;

/** Looks how far a stretch of a log goes, and what it has. */
export class Survey {
  /** Up to here all is whole. */
  to: LogPosition;
  /** Bytes of the server's log up to there. */
  wholeBytes = 0;
  readonly #mostBytes: number;
  readonly #mostKeptBytes: number;
  #kept: Buffer[] | undefined = [];
  #pending: Buffer[] = [];
  #keptBytes = 0;
  /** Of the transaction that is open. */
  #gtid: Gtid | undefined;
  #statements: string[] = [];
  #transactions = 0;
  #first: bigint | undefined;
  #last: bigint | undefined;
  readonly #times = new CommitTimes({});
  readonly #unreplayable: string[] = [];
  #isAtEnd = true;
  readonly #from: LogPosition;
  #hasOwn = false;
  /** Of what ended so far: what ends later ends later than this. */
  #latestSecond = 0;

  constructor(
    from: LogPosition,
    { mostBytes, mostKeptBytes }: { readonly mostBytes: number; readonly mostKeptBytes: number },
  ) {
    this.to = from;
    this.#from = from;
    this.#mostBytes = mostBytes;
    this.#mostKeptBytes = mostKeptBytes;
  }

  /** All blocks of the stretch; undefined if they were too many to keep. */
  get kept(): readonly Buffer[] | undefined {
    return this.#kept;
  }

  /** The log went on behind it. */
  get isCut(): boolean {
    return !this.#isAtEnd;
  }

  /** @returns whether the stretch ends here */
  take(step: Step): boolean {
    const { item, whole } = step;
    if (item.kind === 'begin') this.#gtid = item.gtid;
    if (item.kind === 'query' && item.statement.kind === 'data' && step.blocks.length > 0)
      this.#statements.push(this.#gtid?.text ?? `the one that ends at ${item.event.next}`);
    if (step.isFileEnd) this.#pending = [];
    else this.#keep(step.blocks);
    if (!whole) return false;
    if (item.kind !== 'format') {
      this.#hasOwn ||= step.isOurs;
      this.#latestSecond = Math.max(this.#latestSecond, item.event.timestamp);
    }
    if (step.isOurs) this.#count(step);
    this.to = whole;
    this.#kept?.push(...this.#pending.splice(0));
    if (!step.isFileEnd) this.wholeBytes = step.readBytes;
    const isEnough = step.isFileEnd || step.readBytes >= this.#mostBytes;
    if (isEnough) this.#isAtEnd = false;
    return isEnough;
  }

  /** To be called at the end. */
  finish(): void {
    if (this.#isAtEnd && !this.#hasOwn && this.wholeBytes < MOST_PASSED_BYTES) this.to = this.#from;
  }

  /** @param clocks.before the server's clock before the log was read, and `after` that */
  facts({
    before,
    after,
    definitions,
  }: {
    readonly before: bigint;
    readonly after: bigint;
    readonly definitions: Definitions;
  }): ChangeFacts {
    const bounded = (micros: bigint) => (micros > after ? after : micros);
    const last = this.#last === undefined ? undefined : bounded(this.#last);
    // Where the log goes on, only what came is known to be all of before.
    const readAt = this.#isAtEnd ? before : BigInt(this.#latestSecond) * 1_000_000n;
    const isWhole = this.#unreplayable.length === 0;
    return {
      transactions: this.#transactions,
      ...(this.#first === undefined ? {} : { firstCommit: isoOf(bounded(this.#first)) }),
      ...(last === undefined ? {} : { lastCommit: isoOf(last) }),
      readAt: isoOf(readAt),
      datasets: definitions.datasets,
      schema: isWhole ? definitions.fingerprint : `${definitions.fingerprint} after ${this.#unreplayable[0]}`,
      carriesDefinitions: isWhole,
      sequences: definitions.sequences,
      warnings: [...definitions.warnings, ...this.#warnings()],
    };
  }

  #count({ item }: Step): void {
    const kind = item.kind === 'query' ? item.statement.kind : item.kind === 'end' ? item.how : '';
    this.#unreplayable.push(...this.#statements.splice(0));
    // Of two phases the second one counts.
    if (kind === 'prepare' || kind === 'rollback' || kind === 'xa rollback') return;
    this.#transactions++;
    const at = this.#times.of(this.#gtid, item.event.timestamp);
    this.#first ??= at;
    if (this.#last === undefined || at > this.#last) this.#last = at;
  }

  #warnings(): readonly string[] {
    if (this.#unreplayable.length === 0) return [];
    const named = this.#unreplayable.slice(0, MOST_NAMED).join(', ');
    return [
      `Transactions are in the binary log as statements, not as rows (${named}${this.#unreplayable.length > MOST_NAMED ? ', …' : ''}): a restore cannot go past them. Set binlog_format=ROW, also in sessions that choose another format.`,
    ];
  }

  #keep(blocks: readonly Buffer[]): void {
    if (!this.#kept) return;
    this.#pending.push(...blocks);
    for (const block of blocks) this.#keptBytes += block.length;
    if (this.#keptBytes <= this.#mostKeptBytes) return;
    this.#kept = undefined;
    this.#pending = [];
  }
}
