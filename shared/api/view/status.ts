import type { StatusAnswer } from '../../core/api-status.ts';
import type { BackupSummary } from '../../jobs/list.ts';
import type { RepositoryStatus, SourceStatus } from '../../jobs/status.ts';
import { nameOf } from '../parse-backup.ts';
import { dated } from './json.ts';
import { verdictOf } from './verdict.ts';

export type RepositoryPart = Pick<
  StatusAnswer,
  'now' | 'verdict' | 'repository' | 'backups' | 'damaged' | 'sources' | 'problems'
>;

/** @param backups newest first */
export function statusOf(
  status: RepositoryStatus,
  backups: readonly BackupSummary[],
  now: Date,
): RepositoryPart {
  const { location, repositoryId, formatVersion, damaged, problems } = status;
  return {
    now: now.toISOString(),
    verdict: verdictOf(status, now),
    repository: { location, id: repositoryId, formatVersion },
    backups: backups.length,
    damaged,
    sources: status.sources.map((source) => sourceOf(source, backups)),
    problems: [...problems],
  };
}

function sourceOf(status: SourceStatus, backups: readonly BackupSummary[]): StatusAnswer['sources'][number] {
  const { source, newestGood, lastVerify, lastFullVerify, lastDrill } = status;
  const newest = backups.find(
    (one) => one.state !== 'damaged' && one.source.name === source.name && one.source.kind === source.kind,
  );
  const good = newestGood && backups.find(({ key }) => key === newestGood.key);
  return {
    source,
    backups: status.backups,
    newest: newest ? named(newest) : null,
    newestGood: good ? named(good) : null,
    waiting: [...status.waiting],
    failed: [...status.failed],
    misdated: [...status.misdated],
    held: [...status.held],
    lastVerify: lastVerify ? dated(lastVerify) : null,
    lastFullVerify: lastFullVerify ? dated(lastFullVerify) : null,
    lastDrill: lastDrill ? dated(lastDrill) : null,
  };
}

function named({ key, type, startedAt }: BackupSummary) {
  return { key, name: nameOf(key), type, startedAt: startedAt.toISOString() };
}
