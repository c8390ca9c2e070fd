import { throwIfAborted } from '../../../core/abort.ts';
import { HoldfastError } from '../../../core/errors.ts';
import type {
  ChangeDecoder,
  ChangeJoin,
  ChangePosition,
  ChangeTransaction,
  FollowedBase,
  StoredChanges,
  TransactionTeller,
} from '../../changes.ts';
import { decodeState } from './base-join.ts';
import { CommitTimes, isoOf, microsOf } from './log/commit-time.ts';
import { storedEvents } from './log/stored-events.ts';
import { comparePlaces, parsePosition, positionText } from './position.ts';
import { BaseTelling } from './rows/base-telling.ts';
import { Cascades } from './rows/cascades.ts';
import { recordWriter } from './rows/record-writer.ts';
import { COUNTED, type Telling } from './rows/telling.ts';
import { type Begin, type Prepared, Walk } from './rows/walk.ts';

/**
 * Tells the transactions of stored changes. Alone it tells of which tables they changed how many rows; following a base, what the
 * rows hold, if the server logs the names of columns.
 */
export const mysqlDecoder: ChangeDecoder = {
  transactions: (changes, signal) =>
    walked(changes, { telling: COUNTED, prepared: new Map(), committedAt: startedBy, signal }),

  hasTransaction,

  async following({ contents, join }: FollowedBase, signal: AbortSignal): Promise<TransactionTeller> {
    const { database } = decodeState(join.state);
    const cascades = await Cascades.read(contents, signal);
    const telling = new BaseTelling(contents, { database, cascades });
    return new Following(join, telling);
  },

  recordWriter,
};

function hasTransaction(
  { state }: Pick<ChangeJoin, 'state'>,
  { position }: { readonly position: ChangePosition },
): boolean {
  return comparePlaces(parsePosition(position), decodeState(state).at) <= 0;
}

/** Stretches that follow each other, from a base on. */
class Following implements TransactionTeller {
  readonly #join: ChangeJoin;
  readonly #telling: BaseTelling;
  readonly #prepared: Prepared = new Map();
  /** By the server's clock, when the stretch before was read. */
  #readAt: bigint | undefined;

  constructor(join: ChangeJoin, telling: BaseTelling) {
    this.#join = join;
    this.#telling = telling;
  }

  async *transactions(changes: StoredChanges, signal: AbortSignal): AsyncGenerator<ChangeTransaction> {
    const { lastCommit, readAt } = changes.facts;
    // As a replay counts: to which moment a transaction belongs must be the same.
    const times = new CommitTimes({
      after: this.#readAt,
      notAfter: lastCommit === undefined ? undefined : microsOf(lastCommit),
    });
    yield* walked(changes, {
      telling: this.#telling,
      prepared: this.#prepared,
      committedAt: ({ gtid, event }) => isoOf(times.of(gtid, event.timestamp)),
      onBegin: (position) => {
        this.#telling.isInBase = hasTransaction(this.#join, { position });
      },
      signal,
    });
    this.#readAt = microsOf(readAt);
  }
}

interface Walked {
  readonly telling: Telling;
  readonly prepared: Prepared;
  readonly committedAt: (begin: Begin) => string;
  readonly onBegin?: (position: ChangePosition) => void;
  readonly signal: AbortSignal;
}

async function* walked(
  changes: StoredChanges,
  { telling, prepared, committedAt, onBegin = () => {}, signal }: Walked,
): AsyncGenerator<ChangeTransaction> {
  const walk = new Walk(storedEvents(changes.bytes()), { telling, prepared });
  try {
    for (let begin = await walk.begin(); begin; begin = await walk.begin()) {
      throwIfAborted(signal);
      const position = placeOf(walk);
      onBegin(position);
      // First of two phases: the second one is a transaction of its own.
      if (begin.gtid?.isPrepared) continue;
      const id = begin.gtid?.text ?? '';
      yield { id, committedAt: committedAt(begin), position, changes: walk.changes() };
    }
  } finally {
    await walk.close();
  }
}

/** No log is as long. */
const MOST_OFFSET = 1e15;

function placeOf({ position }: Walk): ChangePosition {
  if (position && position.file !== '' && position.offset < MOST_OFFSET) return positionText(position);
  throw new HoldfastError('E_DAMAGED', 'stored changes do not say where in the binary log they are from');
}

/** No later than it ended: of MariaDB the second in which its last statement began. */
function startedBy({ gtid, event }: Begin): string {
  return isoOf(gtid?.committedAt ?? BigInt(event.timestamp) * 1_000_000n);
}
