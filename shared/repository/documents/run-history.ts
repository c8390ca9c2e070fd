import { isHoldfastError } from '../../core/errors.ts';
import { MINUTE_MS, SECOND_MS } from '../../core/units.ts';
import {
  encodeHistoryNote,
  type HistoryNote,
  type HistoryPart,
  historyKey,
  noteText,
  type RunAbout,
  type RunEnd,
} from '../../format/history.ts';
import type { Repository } from '../repository.ts';

/** How often the runs of a process show that they go on. */
export const ALIVE_MS = 10 * MINUTE_MS;
/** A run without such a sign for this long has stopped. */
const SILENT_MS = 3 * ALIVE_MS;
/** A note is not worth waiting for a store that does not respond. */
const MOST_WAIT_MS = 20 * SECOND_MS;

/** A run that begins. */
export interface BeginOptions {
  /** 32 hex digits. */
  readonly run: string;
  readonly startedAt: Date;
  /** How long it may go without a sign. @default 30 minutes, with a sign every 10 */
  readonly silentMs?: number;
  /** Between two signs. @default 10 minutes; none if `silentMs` is given */
  readonly aliveMs?: number;
  /** Receives the reason why a note was not written: no run fails because of that. */
  readonly onProblem: (message: string) => void;
}

/** A run whose beginning is recorded. */
export interface NotedRun {
  /** Records how it ended, once. Never throws. */
  end(ended: RunEnd): Promise<void>;
}

/** Records that a run begins. Never throws: the run matters more than its record. */
export async function beginNotedRun(
  repository: Repository,
  about: RunAbout,
  options: BeginOptions,
): Promise<NotedRun> {
  const { run, startedAt, aliveMs = options.silentMs === undefined ? ALIVE_MS : undefined } = options;
  const { silentMs = aliveMs === undefined ? SILENT_MS : 3 * aliveMs } = options;
  const note = noteOf(repository, about, { run, startedAt, silentMs });
  const put = async (part: HistoryPart, bytes: (key: string) => Buffer) => {
    const key = historyKey({ kind: about.kind, startedAt, run }, part);
    await tolerant(options.onProblem, () =>
      repository.store.put(key, bytes(key), { signal: AbortSignal.timeout(MOST_WAIT_MS) }),
    );
  };
  await put('begun', (key) => encodeHistoryNote({ ...note, key }));
  let signs = 0;
  const timer =
    aliveMs === undefined
      ? undefined
      : setInterval(() => void put(`alive-${++signs}`, () => Buffer.from('{}\n')), aliveMs).unref();
  return {
    end: async (ended) => {
      clearInterval(timer);
      await put(`ended-${ended.outcome}`, (key) => encodeHistoryNote({ ...note, key, ended }));
    },
  };
}

/** For a run that others began: records its end beside their note. Never throws. */
export async function noteRunEnd(
  repository: Repository,
  about: RunAbout,
  options: Omit<BeginOptions, 'aliveMs'> & { readonly ended: RunEnd },
): Promise<void> {
  const { run, startedAt, silentMs = SILENT_MS, ended, onProblem } = options;
  const key = historyKey({ kind: about.kind, startedAt, run }, `ended-${ended.outcome}`);
  const note = noteOf(repository, about, { run, startedAt, silentMs });
  await tolerant(onProblem, () =>
    repository.store.put(key, encodeHistoryNote({ ...note, key, ended }), {
      signal: AbortSignal.timeout(MOST_WAIT_MS),
    }),
  );
}

function noteOf(
  { id }: Repository,
  about: RunAbout,
  { run, startedAt, silentMs }: { readonly run: string; readonly startedAt: Date; readonly silentMs: number },
): Omit<HistoryNote, 'format' | 'version' | 'key'> {
  const short = (text: string | null) => text && noteText(text);
  const { note } = about.asked ?? {};
  return {
    repository: id,
    run,
    kind: about.kind,
    source: short(about.source),
    type: short(about.type),
    backup: short(about.backup),
    target: short(about.target),
    by: short(about.by),
    ...(about.asked
      ? { asked: { ...about.asked, ...(note === undefined ? {} : { note: noteText(note) }) } }
      : {}),
    startedAt: startedAt.toISOString(),
    silentMs,
  };
}

async function tolerant(onProblem: (message: string) => void, work: () => Promise<void>): Promise<void> {
  try {
    await work();
  } catch (error) {
    // Somebody who did the same work before has already recorded it.
    if (isHoldfastError(error, 'E_OBJECT_EXISTS')) return;
    onProblem(`the history lacks this run: ${error instanceof Error ? error.message : String(error)}`);
  }
}
