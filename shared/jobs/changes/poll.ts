import { HoldfastError, isHoldfastError } from '../../core/errors.ts';
import { MINUTE_MS, MiB } from '../../core/units.ts';
import { SOFTWARE } from '../../core/version.ts';
import type { SegmentFacts, SegmentHead } from '../../format/change-head.ts';
import { newestSegment } from '../../repository/changes/change-chain.ts';
import { ChangeKeyMaker } from '../../repository/changes/change-key-maker.ts';
import { type StoredSegment, storeSegment } from '../../repository/changes/segment-store.ts';
import type { Repository } from '../../repository/repository.ts';
import type { ChangeBatch, ChangePosition, ChangeSource } from '../../sources/changes.ts';
import { compactIfDue } from './compact-changes.ts';

/** How much of the server's log one segment has, about. */
const DEFAULT_STEP_BYTES = 256 * MiB;
/** When nothing changes, a segment says so this often: how far moments reach is known to so much. */
const DEFAULT_IDLE_MS = 15 * MINUTE_MS;
/** More pollers than this never meet. */
const MOST_CONFLICTS = 20;

/** How the changes of a source are polled. */
export interface PollOptions {
  readonly source: { readonly kind: string; readonly name: string };
  /** Kept between polls of one process: it asks for keys once a day. */
  readonly keys: ChangeKeyMaker;
  /** @default 256 MiB */
  readonly stepBytes?: number;
  /** How long a segment without changes may be put off. @default 15 minutes */
  readonly idleMs?: number;
  /** Whether there is time for another step. @default always */
  readonly hasTime?: () => boolean;
  readonly onSegment?: (segment: StoredSegment) => void;
  readonly onWarning?: (message: string) => void;
  readonly signal: AbortSignal;
}

/** A stretch of changes that nobody has. */
export interface ChangeGap {
  /** Where the stored changes end; null if there were none. */
  readonly after: ChangePosition | null;
  readonly from: ChangePosition;
  /** Why: a sentence. */
  readonly says: string;
}

/** What a poll did. */
export interface PollResult {
  /** Segments that were stored. */
  readonly segments: number;
  readonly transactions: number;
  readonly plainBytes: number;
  readonly storedBytes: number;
  /** Up to where changes are stored; undefined if there are none. */
  readonly position: ChangePosition | undefined;
  /** The server's clock: all that was committed by then is stored. */
  readonly readAt: string | undefined;
  /** Nothing was left to read. False: time ran out, or somebody else polls. */
  readonly isCaughtUp: boolean;
  readonly gaps: readonly ChangeGap[];
  readonly warnings: readonly string[];
}

const LONG_AGO = '1970-01-01T00:00:00.000000Z';

/** The end of what is stored. */
type End = Pick<StoredSegment, 'id' | 'head'>;

/**
 * Reads what is new of a source's changes, stores it, and lets the server go of it: step by step, until all is stored that was there, or there
 * is no time.
 * It may die at any moment, and others may poll at the same time: each change is stored once.
 *
 * @throws E_CHANGES_NOT_SET_UP, E_SOURCE_*, E_STORE_*, E_KEY_*, E_DAMAGED, E_ABORTED; what was stored stays
 */
export async function pollChanges(
  repository: Repository,
  changes: ChangeSource,
  options: PollOptions,
): Promise<PollResult> {
  const { source, signal } = options;
  const total = new Totals(options);
  const newest = () => newestSegment(repository.context, source, signal);
  let end: End | undefined = await newest();
  // The poll that stored it may have died before it said so to the server.
  let isReleased = end === undefined;
  for (let conflicts = 0; conflicts <= MOST_CONFLICTS; ) {
    const done = await advance(repository, changes, end, options);
    switch (done.kind) {
      case 'stored':
        total.add(done.stored);
        end = done.stored;
        await changes.release(end.head.to, signal);
        isReleased = true;
        await compactIfDue(repository.store, end.head.number, options);
        // What came meanwhile is for the next poll: a busy server would never be done.
        if (!done.isCut || options.hasTime?.() === false) return total.result(end, !done.isCut);
        break;
      case 'taken':
        conflicts++;
        end = await newest();
        isReleased = false;
        break;
      case 'nothing':
        if (end && !isReleased) await changes.release(end.head.to, signal);
        return total.result(end, true, done.readAt);
      case 'busy':
        return total.result(end, false);
    }
  }
  return total.result(end, false);
}

/**
 * Polls one source again and again, with keys that last a day.
 *
 * @param given what all its polls have in common
 */
export function poller(repository: Repository, given: Omit<PollOptions, 'keys' | 'signal'>) {
  const { kind, name } = given.source;
  const keys = new ChangeKeyMaker(repository.context, name);
  return (
    changes: ChangeSource,
    options: Pick<PollOptions, 'hasTime' | 'idleMs' | 'signal'>,
  ): Promise<PollResult> =>
    pollChanges(repository, changes, { ...given, source: { kind, name }, keys, ...options });
}

/** What one step came to. `taken`: another process stored the next segment; `busy`: it reads now. */
type Advanced =
  | { readonly kind: 'stored'; readonly stored: StoredSegment; readonly isCut: boolean }
  | { readonly kind: 'nothing'; readonly readAt: string }
  | { readonly kind: 'taken' }
  | { readonly kind: 'busy' };

async function advance(
  repository: Repository,
  changes: ChangeSource,
  end: End | undefined,
  options: PollOptions,
): Promise<Advanced> {
  try {
    if (!end) {
      const says = (from: ChangePosition) => `The changes are stored from ${from} on.`;
      return await begin(repository, changes, end, { why: 'first', says }, options);
    }
    return await follow(repository, changes, end, options);
  } catch (error) {
    if (isHoldfastError(error, 'E_CHANGES_BUSY')) return { kind: 'busy' };
    if (!end || !isHoldfastError(error, 'E_CHANGES_GAP')) throw error;
    const says = (from: ChangePosition) =>
      `Changes after ${end.head.to} and before ${from} are lost: ${error.message}`;
    return begin(repository, changes, end, { why: 'gap', says }, options);
  }
}

async function follow(
  repository: Repository,
  changes: ChangeSource,
  end: End,
  options: PollOptions,
): Promise<Advanced> {
  const batch = await read(changes, end.head.to, options);
  if (batch.to !== batch.from) return store(repository, batch, { end, begins: undefined }, options);
  const facts = await drain(batch);
  if (!isDue(facts, end.head, options)) return { kind: 'nothing', readAt: facts.readAt };
  const { from, to } = batch;
  const empty = { from, to, isCut: false, bytes: nothing, facts: () => facts };
  return store(repository, empty, { end, begins: undefined }, options);
}

async function begin(
  repository: Repository,
  changes: ChangeSource,
  end: End | undefined,
  { why, says }: { readonly why: 'first' | 'gap'; readonly says: (from: ChangePosition) => string },
  options: PollOptions,
): Promise<Advanced> {
  const from = await changes.begins(options.signal);
  const batch = await read(changes, from, options);
  const begins = { why, after: end?.head.to ?? null, says: says(from) };
  return store(repository, batch, { end, begins }, options);
}

async function read(changes: ChangeSource, from: ChangePosition, options: PollOptions): Promise<ChangeBatch> {
  const { stepBytes: mostBytes = DEFAULT_STEP_BYTES, signal } = options;
  return checked(await changes.read(from, { mostBytes, signal }), from);
}

async function* nothing(): AsyncGenerator<Uint8Array> {
  // A stretch without changes.
}

/** @throws E_INTERNAL if a source breaks its promise */
function checked(batch: ChangeBatch, from: ChangePosition): ChangeBatch {
  if (batch.from === from) return batch;
  throw new HoldfastError(
    'E_INTERNAL',
    `changes from ${from} were requested, but they begin at ${batch.from}`,
  );
}

async function drain(batch: ChangeBatch): Promise<SegmentFacts> {
  for await (const block of batch.bytes())
    if (block.length > 0)
      throw new HoldfastError(
        'E_INTERNAL',
        `the changes read at ${batch.from} have bytes, but end where they begin`,
      );
  return batch.facts();
}

/** Whether a segment without changes says something that should be stored. */
function isDue(
  facts: SegmentFacts,
  { facts: before }: SegmentHead,
  { idleMs = DEFAULT_IDLE_MS }: PollOptions,
): boolean {
  const isLate = Date.parse(facts.readAt) - Date.parse(before.readAt) >= idleMs;
  return (
    isLate || differs(facts, before) || JSON.stringify(facts.sequences) !== JSON.stringify(before.sequences)
  );
}

/** Whether datasets or definitions are others, in a way that no replay gets past. */
function differs(facts: SegmentFacts, before: SegmentFacts): boolean {
  if (facts.definitions?.problem !== undefined) return true;
  const isSame =
    facts.schema === before.schema && JSON.stringify(facts.datasets) === JSON.stringify(before.datasets);
  return !isSame && !isCarried(facts, before);
}

/** Whether the stream has what made the definitions others. */
function isCarried(facts: SegmentFacts, before: SegmentFacts): boolean {
  const { definitions } = facts;
  if (!facts.carriesDefinitions || !before.carriesDefinitions) return false;
  return !definitions || (definitions.by === before.definitions?.by && definitions.statements > 0);
}

async function store(
  { context }: Repository,
  batch: ChangeBatch,
  { end, begins }: { readonly end: End | undefined; readonly begins: SegmentHead['begins'] },
  { source, keys, onWarning = () => {}, signal }: PollOptions,
): Promise<Advanced> {
  const number = (end?.head.number ?? 0) + 1;
  const about = {
    number,
    software: SOFTWARE,
    previous: end ? { number: end.head.number, id: end.id } : null,
    from: batch.from,
    to: batch.to,
    ...(begins ? { begins } : {}),
    unbrokenFrom: begins || !end ? number : end.head.unbrokenFrom,
  };
  const sameFrom = (facts: SegmentFacts) =>
    !end || begins || differs(facts, end.head.facts) ? number : end.head.sameFrom;
  const stored = await storeSegment(
    context,
    { source, about, bytes: () => batch.bytes(), facts: () => factsOf(batch, end), sameFrom },
    { keys: await keys.get(signal, onWarning), signal },
  );
  return stored ? { kind: 'stored', stored, isCut: batch.isCut } : { kind: 'taken' };
}

/** Moments behind a stretch that was cut are not reached by it, but by those that follow. */
function factsOf(batch: ChangeBatch, end: End | undefined): SegmentFacts {
  const facts = batch.facts();
  if (!batch.isCut) return facts;
  return {
    ...facts,
    readAt: end?.head.facts.readAt ?? facts.firstCommit ?? LONG_AGO,
    ...(end ? definedLater(facts, end.head.facts) : {}),
  };
}

/** Definitions are those of the server now: the statements that made them may come behind a stretch that was cut. */
function definedLater(
  { definitions }: SegmentFacts,
  before: SegmentFacts,
): Partial<Pick<SegmentFacts, 'schema' | 'datasets'>> {
  const isLater = definitions?.statements === 0 && definitions.by === before.definitions?.by;
  return isLater ? { schema: before.schema, datasets: before.datasets } : {};
}

class Totals {
  readonly #onSegment: (segment: StoredSegment) => void;
  readonly #gaps: ChangeGap[] = [];
  readonly #warnings = new Set<string>();
  #segments = 0;
  #transactions = 0;
  #plainBytes = 0;
  #storedBytes = 0;

  constructor({ onSegment = () => {} }: PollOptions) {
    this.#onSegment = onSegment;
  }

  add(stored: StoredSegment): void {
    const { head, storedBytes } = stored;
    const { begins } = head;
    this.#segments++;
    this.#transactions += head.facts.transactions;
    this.#plainBytes += head.plainBytes;
    this.#storedBytes += storedBytes;
    if (begins?.why === 'gap') this.#gaps.push({ after: begins.after, from: head.from, says: begins.says });
    for (const warning of head.facts.warnings) this.#warnings.add(warning);
    this.#onSegment(stored);
  }

  result(end: End | undefined, isCaughtUp: boolean, readAt?: string): PollResult {
    return {
      segments: this.#segments,
      transactions: this.#transactions,
      plainBytes: this.#plainBytes,
      storedBytes: this.#storedBytes,
      position: end?.head.to,
      readAt: readAt ?? end?.head.facts.readAt,
      isCaughtUp,
      gaps: this.#gaps,
      warnings: [...this.#warnings],
    };
  }
}
