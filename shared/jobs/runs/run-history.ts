import { orderedMap } from '../../core/ordered-map.ts';
import { RUN_KINDS, type RunKind } from '../../core/run-kinds.ts';
import { DAY_MS } from '../../core/units.ts';
import { isDocumentProblem } from '../../format/authenticated-json.ts';
import { HISTORY, type HistoryNote, parseHistoryKey, parseHistoryNote } from '../../format/history.ts';
import type { Repository } from '../../repository/repository.ts';
import type { ObjectInfo } from '../../store/object-store.ts';
import { type DatedKey, newestFirst } from '../status/newest-first.ts';

/** Notes read at once. */
const READS = 16;

/** The state of a run. `stopped` without a code: its process died, and no end was recorded. */
export type RunState = 'running' | 'succeeded' | 'suspect' | 'failed' | 'stopped';

/**
 * A run according to its notes. Notes are not authenticated: anybody who may write to the repository can
 * forge them.
 */
export interface RecordedRun
  extends Omit<HistoryNote, 'format' | 'version' | 'repository' | 'key' | 'startedAt' | 'ended'> {
  readonly state: RunState;
  readonly startedAt: Date;
  /** For a run that stopped without a word: its last sign of life. */
  readonly finishedAt: Date | undefined;
  readonly code: string | undefined;
  readonly plainBytes: number | undefined;
  readonly storedBytes: number | undefined;
  readonly records: number | undefined;
}

/** Which runs are wanted. */
export interface RunsOptions {
  /** @default all */
  readonly kinds?: readonly RunKind[];
  readonly signal: AbortSignal;
}

/** Receives the reason why a note was skipped. */
export type OnUnread = (message: string) => void;

/** Runs, newest first; a consumer that stops early leaves the rest unread. @throws E_STORE_* */
export async function* readRuns(
  repository: Repository,
  { kinds = RUN_KINDS, signal }: RunsOptions,
  onUnread: OnUnread = () => {},
): AsyncGenerator<RecordedRun> {
  const { store, clock } = repository;
  const now = clock.now();
  const folders = kinds.map((kind) => `${HISTORY}${kind}/`);
  const found = byRun(newestFirst(store, folders, { now, signal }));
  const read = (objects: readonly ObjectInfo[]) => readRun(repository, objects, { now, signal }, onUnread);
  for await (const run of orderedMap(found, READS, read)) if (run) yield run;
}

/** The run of that id; undefined if there is none. @throws E_STORE_* */
export async function findRun(
  repository: Repository,
  id: string,
  signal: AbortSignal,
): Promise<RecordedRun | undefined> {
  if (!/^[0-9a-f]{32}$/.test(id)) return undefined;
  const objects: ObjectInfo[] = [];
  for await (const info of repository.store.list(HISTORY, { signal }))
    if (parseHistoryKey(info.key)?.run === id) objects.push(info);
  if (objects.length === 0) return undefined;
  return readRun(repository, objects, { now: repository.clock.now(), signal }, () => {});
}

/** Objects of one run are adjacent, as their paths begin alike. */
async function* byRun(keys: AsyncIterable<DatedKey>): AsyncGenerator<readonly ObjectInfo[]> {
  let run: string | undefined;
  let objects: ObjectInfo[] = [];
  for await (const { key, info } of keys) {
    const of = parseHistoryKey(key)?.run;
    if (of !== run && objects.length > 0) yield objects;
    if (of !== run) objects = [];
    run = of;
    objects.push(info);
  }
  if (objects.length > 0) yield objects;
}

async function readRun(
  repository: Repository,
  objects: readonly ObjectInfo[],
  { now, signal }: { readonly now: Date; readonly signal: AbortSignal },
  onUnread: OnUnread,
): Promise<RecordedRun | undefined> {
  const part = ({ key }: ObjectInfo) => parseHistoryKey(key);
  const note =
    objects.find((one) => part(one)?.outcome !== undefined) ??
    objects.find((one) => part(one)?.part === 'begun');
  if (!note) return undefined;
  const lastSign = new Date(Math.max(...objects.map(({ modifiedAt }) => modifiedAt.getTime())));
  try {
    const { key } = note;
    const bytes = await repository.store.get(key, { signal });
    return recordedRun(parseHistoryNote(bytes, { repository: repository.id, key }), { lastSign, now });
  } catch (error) {
    if (!isDocumentProblem(error)) throw error;
    onUnread(error.message);
    return undefined;
  }
}

function recordedRun(
  { format: _, version: __, repository: ___, key: ____, startedAt, ended, ...about }: HistoryNote,
  { lastSign, now }: { readonly lastSign: Date; readonly now: Date },
): RecordedRun {
  const isSilent = now.getTime() - lastSign.getTime() > about.silentMs;
  return {
    ...about,
    backup: ended?.backup ?? about.backup,
    state: ended?.outcome ?? (isSilent ? 'stopped' : 'running'),
    startedAt: new Date(startedAt),
    finishedAt: ended ? new Date(ended.at) : isSilent ? lastSign : undefined,
    code: ended?.code ?? undefined,
    plainBytes: ended?.plainBytes ?? undefined,
    storedBytes: ended?.storedBytes ?? undefined,
    records: ended?.records ?? undefined,
  };
}

/** Notes are kept for this long, */
const KEPT_MS = 400 * DAY_MS;
/** and no more of them than this. */
const MOST_NOTES = 40_000;

/** Removes old notes. @returns how many. @throws E_STORE_* */
export async function expireHistory({ store, clock }: Repository, signal: AbortSignal): Promise<number> {
  const notes: { readonly key: string; readonly stamp: string }[] = [];
  for await (const { key } of store.list(HISTORY, { signal })) {
    const stamp = parseHistoryKey(key)?.stamp;
    if (stamp !== undefined) notes.push({ key, stamp });
  }
  notes.sort((a, b) => (a.stamp < b.stamp ? -1 : 1));
  const oldest = new Date(clock.now().getTime() - KEPT_MS)
    .toISOString()
    .replaceAll(/[-:T]/g, '')
    .slice(0, 14);
  const old = notes.filter(({ stamp }, i) => stamp < oldest || i < notes.length - MOST_NOTES);
  for (const { key } of old) await store.delete(key, { signal });
  return old.length;
}
