import type { ListAnswer, ListQuery } from '../../core/api-backups.ts';
import { type BackupKey, parseBackupKey, parseBackupType } from '../../core/ids.ts';
import { orderedMap } from '../../core/ordered-map.ts';
import { type BackupSummary, summariseEntry } from '../../jobs/list.ts';
import { AS_STORED, type Naming } from '../../jobs/naming.ts';
import { type DatedKey, foldersBelow, newestFirst } from '../../jobs/newest-first.ts';
import type { Marks } from '../../repository/marks.ts';
import type { Repository } from '../../repository/repository.ts';
import { decodeCursor, encodeCursor } from './cursor.ts';
import { backupJson, boundsOf } from './json.ts';

const FOLDER = 'backups/';
/** Manifests read at once. */
const READS = 16;
/** Manifests read for one page, where a filter passes over most of them. */
const MOST_READ = 600;

/**
 * A page of backups, newest first: reads the keys of a few weeks, the manifests of the page, and the reports that were
 * written since the oldest of them began.
 */
export async function listPage(
  repository: Repository,
  query: ListQuery,
  options: {
    readonly naming?: Naming | undefined;
    /** Backups of these alone. @default of all */
    readonly sources?: readonly string[] | undefined;
    readonly signal: AbortSignal;
  },
): Promise<ListAnswer> {
  const { naming = AS_STORED, sources, signal } = options;
  const { type, limit } = query;
  const { store, clock } = repository;
  const folders =
    type === undefined ? await typeFolders(repository, signal) : [`${FOLDER}${parseBackupType(type)}/`];
  const keys = newestFirst(store, folders, {
    now: clock.now(),
    after: decodeCursor(query.cursor),
    ...boundsOf(query),
    signal,
  });
  const page: BackupSummary[] = [];
  let last: DatedKey | undefined;
  let isMore = false;
  let early: EarlyMarks | undefined;
  for await (const batch of batches(keys, sources === undefined ? limit : READS)) {
    const room = limit - page.length;
    // Mostly the first lot is the page: what reports say of it is read beside its manifests.
    if (sources === undefined) early ??= readEarly(repository, batch.keys, signal);
    const summaries = await Array.fromAsync(
      orderedMap(batch.keys, READS, (dated) => summary(repository, dated, signal)),
    );
    const fitting = (await withNames(summaries, naming))
      .filter(({ found }) => isOf(found, sources))
      .slice(0, room);
    page.push(...fitting.flatMap(({ found }) => found ?? []));
    last = (fitting.length === room ? fitting.at(-1)?.dated : undefined) ?? batch.keys.at(-1);
    isMore = batch.isMore || last !== batch.keys.at(-1);
    if (page.length >= limit || batch.read >= MOST_READ) break;
  }
  return {
    backups: await marked(repository, page, { early, signal }),
    nextCursor: isMore && last ? encodeCursor(last) : null,
  };
}

function isOf(found: BackupSummary | undefined, sources: readonly string[] | undefined): boolean {
  return found !== undefined && (sources === undefined || sources.includes(found.source.name));
}

async function typeFolders({ store }: Repository, signal: AbortSignal): Promise<string[]> {
  const folders = await foldersBelow(store, FOLDER, signal);
  return folders.filter((folder) => /^backups\/[a-z][a-z0-9-]{0,31}\/$/.test(folder));
}

interface Batch {
  readonly keys: readonly DatedKey[];
  readonly isMore: boolean;
  /** Of all batches so far. */
  readonly read: number;
}

/** Keys in lots of `size`, each knowing whether more come. */
async function* batches(keys: AsyncGenerator<DatedKey>, size: number): AsyncGenerator<Batch> {
  let read = 0;
  let lot: DatedKey[] = [];
  for await (const key of keys) {
    if (lot.length === size) {
      read += lot.length;
      yield { keys: lot, isMore: true, read };
      lot = [];
    }
    lot.push(key);
  }
  yield { keys: lot, isMore: false, read: read + lot.length };
}

async function summary(repository: Repository, dated: DatedKey, signal: AbortSignal) {
  const entry = await repository.inspectIfListed(dated.key as BackupKey, signal);
  return { dated, found: entry && summariseEntry({ ...entry, storedAt: dated.info.modifiedAt }) };
}

type Summary = Awaited<ReturnType<typeof summary>>;

/** The same, with their sources by the names of the configuration. */
async function withNames(summaries: readonly Summary[], naming: Naming): Promise<readonly Summary[]> {
  const nameOf = await naming(new Set(summaries.flatMap(({ found }) => found?.source.name ?? [])));
  return summaries.map(({ dated, found }) => ({
    dated,
    found: found && { ...found, source: { kind: found.source.kind, name: nameOf(found.source.name) } },
  }));
}

interface EarlyMarks {
  readonly since: Date;
  readonly marks: Promise<Marks>;
}

function readEarly(
  repository: Repository,
  keys: readonly DatedKey[],
  signal: AbortSignal,
): EarlyMarks | undefined {
  const since = parseBackupKey(keys.at(-1)?.key ?? '')?.startedAt;
  if (!since) return undefined;
  const marks = repository.marks(signal, since);
  // Its failure is seen when its turn comes.
  marks.catch(() => {});
  return { since, marks };
}

async function marked(
  repository: Repository,
  page: readonly BackupSummary[],
  { early, signal }: { readonly early: EarlyMarks | undefined; readonly signal: AbortSignal },
) {
  const since = parseBackupKey(page.at(-1)?.key ?? '')?.startedAt;
  if (!since) return [];
  const marks = await (early && early.since <= since ? early.marks : repository.marks(signal, since));
  return page.map((backup) => backupJson({ ...backup, marks: marks.of(backup.key) }));
}
