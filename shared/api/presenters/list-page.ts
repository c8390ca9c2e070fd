import { type BackupKey, parseBackupKey, parseBackupType } from '../../core/ids.ts';
import { orderedMap } from '../../core/ordered-map.ts';
import { AS_STORED, type Naming } from '../../jobs/source/naming.ts';
import { type BackupSummary, summariseEntry, withConfiguredNames } from '../../jobs/status/list.ts';
import { type DatedKey, foldersBelow, newestFirst } from '../../jobs/status/newest-first.ts';
import type { Marks } from '../../repository/documents/marks.ts';
import type { Repository } from '../../repository/repository.ts';
import type { ListAnswer, ListQuery } from '../schema/backups.ts';
import { decodeCursor, encodeCursor } from './cursor.ts';
import { backupJson, boundsOf } from './json.ts';

const FOLDER = 'backups/';
/** Manifests read at once. */
const READS = 32;

/**
 * A page of backups, newest first: reads the listing of a few weeks, the manifests of the page, and the
 * reports written since the oldest of them began.
 */
export async function listPage(
  repository: Repository,
  query: ListQuery,
  { naming = AS_STORED, signal }: { readonly naming?: Naming | undefined; readonly signal: AbortSignal },
): Promise<ListAnswer> {
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
  const { found, isMore } = await firstOf(keys, limit);
  // Reports about them are read in parallel with their manifests.
  const [summaries, marks] = await Promise.all([
    Array.fromAsync(orderedMap(found, READS, (dated) => summary(repository, dated, signal))),
    marksSince(repository, found, signal),
  ]);
  const page = await withConfiguredNames(
    summaries.flatMap((one) => one ?? []),
    naming,
  );
  const last = found.at(-1);
  return {
    backups: page.map((backup) => backupJson({ ...backup, marks: marks?.of(backup.key) ?? {} })),
    nextCursor: isMore && last ? encodeCursor(last) : null,
  };
}

async function typeFolders({ store }: Repository, signal: AbortSignal): Promise<string[]> {
  const folders = await foldersBelow(store, FOLDER, signal);
  return folders.filter((folder) => /^backups\/[a-z][a-z0-9-]{0,31}\/$/.test(folder));
}

/** The first of them, and whether more follow. */
async function firstOf(
  keys: AsyncIterable<DatedKey>,
  most: number,
): Promise<{ readonly found: readonly DatedKey[]; readonly isMore: boolean }> {
  const found: DatedKey[] = [];
  for await (const key of keys) {
    if (found.length === most) return { found, isMore: true };
    found.push(key);
  }
  return { found, isMore: false };
}

/** Undefined if it was removed meanwhile. */
async function summary(
  repository: Repository,
  { key, info }: DatedKey,
  signal: AbortSignal,
): Promise<BackupSummary | undefined> {
  repository.noteListed(info);
  const entry = await repository.inspectIfListed(key as BackupKey, signal);
  return entry && summariseEntry(entry);
}

/** No report comes before its backup. */
async function marksSince(
  repository: Repository,
  found: readonly DatedKey[],
  signal: AbortSignal,
): Promise<Marks | undefined> {
  const since = parseBackupKey(found.at(-1)?.key ?? '')?.startedAt;
  return since && repository.marks(signal, since);
}
