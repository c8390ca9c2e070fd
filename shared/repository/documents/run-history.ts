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

/** Runs of one process show so often that they go on. */
export const ALIVE_MS = 10 * MINUTE_MS;
/** One that has not for so long has stopped. */
const SILENT_MS = 3 * ALIVE_MS;
/** A note is no reason to wait for a store that does not answer. */
const MOST_WAIT_MS = 20 * SECOND_MS;

/** A run that begins. */
export interface BeginOptions {
  /** 32 hex digits. */
  readonly run: string;
  readonly startedAt: Date;
  /** How long it may leave no sign. @default 30 minutes, and one is left every 10 */
  readonly silentMs?: number;
  /** Between two signs. @default 10 minutes; none where `silentMs` is given */
  readonly aliveMs?: number;
  /** Is told why a note was not written: no run fails for it. */
  readonly onProblem: (message: string) => void;
}

/** A run whose beginning is noted. */
export interface NotedRun {
  /** Notes how it ended, once. Throws nothing. */
  end(ended: RunEnd): Promise<void>;
}

/** Notes that a run begins. Throws nothing: what a run does matters more than what is told of it. */
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

/** For a run that others began: notes its end beside their note. Throws nothing. */
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
    // Somebody who does the same work again has noted it before.
    if (isHoldfastError(error, 'E_OBJECT_EXISTS')) return;
    onProblem(
      `the history of runs lacks this one: ${error instanceof Error ? error.message : String(error)}`,
    );
  }
}
