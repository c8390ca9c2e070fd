import { HoldfastError } from '../../../../core/errors.ts';
import { FIRST_OFFSET, type LogPosition } from '../position.ts';
import { type LogEvent, type LogFormat, MAGIC } from './event.ts';
import { type LogItem, LogItems } from './items.ts';
import { offsetAfter } from './log-place.ts';
import { OwnEvents, type Ownership } from './own-events.ts';

/** One step through a log. */
export interface Step {
  readonly item: LogItem;
  /** Bytes to store, whole events. */
  readonly blocks: readonly Buffer[];
  /** What was seen of ours belongs to the transaction that this ends. */
  readonly isOurs: boolean;
  /** Of the server's log so far. */
  readonly readBytes: number;
  /** Set where no transaction is open: what came so far is whole. */
  readonly whole: LogPosition | undefined;
  /** The file has ended: `whole` is the beginning of the next one. */
  readonly isFileEnd: boolean;
}

/** Beyond it the protocol cannot name a place. */
const MOST_OFFSET = 0xffff_ffff;

/**
 * Walks through one file of a log, from a place in it. What it gives to store, up to a step with `whole`, is a log file by
 * itself: the four bytes that such files begin with, the description of the file, an artificial event that says where the events
 * are from, and those. The same place gives the same bytes.
 *
 * @throws E_CHANGES_GAP if the file is not the one that `from` means; what `events` throws
 */
export async function* walkFile(
  events: AsyncIterable<LogEvent>,
  from: LogPosition,
  ownership: Ownership,
): AsyncGenerator<Step, void, void> {
  const walk = new Walk(from, ownership);
  for await (const event of events) {
    const step = walk.take(event);
    if (step) yield step;
    if (step?.isFileEnd) return;
  }
}

class Walk {
  readonly #from: LogPosition;
  readonly #items = new LogItems();
  readonly #own: OwnEvents;
  #origin: Buffer | undefined;
  #offset: number;
  #readBytes = 0;
  /** The file that goes on, once this one has ended. */
  #next: string | undefined;
  #format: LogFormat | undefined;

  constructor(from: LogPosition, ownership: Ownership) {
    this.#from = from;
    this.#offset = from.offset;
    this.#own = new OwnEvents(ownership);
  }

  take(event: LogEvent): Step | undefined {
    const item = this.#items.read(event);
    if (item.kind === 'rotate' && item.isArtificial) return this.#turn(item);
    if (item.kind === 'format') return this.#describe(item);
    const { format } = this.#items;
    if (!format)
      throw new HoldfastError('E_SOURCE_FAILED', 'the server sent events before it described their log');
    // Made for a reader that waits.
    if (event.next === 0) return undefined;
    // The server leaves out events that were not asked for.
    this.#offset = offsetAfter(this.#offset, event.next);
    this.#readBytes += event.bytes.length;
    const wasOurs = this.#own.isOurs;
    const blocks = this.#own.take(item, format);
    return this.#step(item, blocks, wasOurs || blocks.length > 0);
  }

  #step(item: LogItem, blocks: readonly Buffer[], isOurs: boolean): Step {
    const isWhole = !this.#items.isInside && item.kind !== 'setting' && this.#offset <= MOST_OFFSET;
    const { file, made } = this.#from;
    return {
      item,
      blocks,
      isOurs: isOurs && (item.kind === 'end' || (item.kind === 'query' && item.isEnd)),
      readBytes: this.#readBytes,
      whole: isWhole ? { file, made, offset: this.#offset } : undefined,
      isFileEnd: false,
    };
  }

  #turn(item: Extract<LogItem, { kind: 'rotate' }>): undefined {
    if (this.#origin === undefined) this.#origin = item.event.bytes;
    if (item.file !== this.#from.file) this.#next = item.file;
    return undefined;
  }

  #describe(item: Extract<LogItem, { kind: 'format' }>): Step | undefined {
    const { format, event } = item;
    if (this.#next !== undefined)
      return {
        item,
        blocks: [],
        isOurs: false,
        readBytes: this.#readBytes,
        whole: { file: this.#next, offset: FIRST_OFFSET, made: format.made },
        isFileEnd: true,
      };
    if (this.#format !== undefined) return undefined;
    this.#format = format;
    const { file, made } = this.#from;
    if (format.made !== made)
      throw new HoldfastError(
        'E_CHANGES_GAP',
        `the server's file ${file} was made at ${timeOf(format.made)}, the one that changes were read from at ${timeOf(made)}: the log was reset, or this is another server`,
        { hint: 'Make a new backup, which begins a new stream.' },
      );
    if (this.#from.offset === FIRST_OFFSET) {
      this.#offset += event.bytes.length;
      this.#readBytes += event.bytes.length;
    }
    const origin = this.#origin ? [this.#origin] : [];
    return {
      item,
      blocks: [MAGIC, event.bytes, ...origin],
      isOurs: false,
      readBytes: this.#readBytes,
      whole: this.#from.offset === FIRST_OFFSET ? { file, made, offset: this.#offset } : this.#from,
      isFileEnd: false,
    };
  }
}

function timeOf(seconds: number): string {
  return new Date(seconds * 1000).toISOString().replace('.000', '');
}
