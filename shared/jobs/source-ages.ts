import type { Repository } from '../repository/repository.ts';
import { summarise } from './list.ts';
import { CoverageCheck } from './recovery-coverage.ts';
import { type SourceStatus, statusOf } from './status.ts';

export interface SourceAges {
  /** What the manifests call it. */
  readonly source: string;
  /** Since the newest good backup began; undefined where there is none. */
  readonly backupMs: number | undefined;
  /** Since a verification last read one of its backups; undefined where none did. */
  readonly verificationMs: number | undefined;
  /** Since a drill last restored one of its backups and found it equal. */
  readonly drillMs: number | undefined;
  /** Since its oldest backup that is listed began, or was imported. */
  readonly firstMs: number | undefined;
  /** Backups that are suspect, and that nobody has accepted. */
  readonly waiting: number;
  /** Backups that a verification found damaged. */
  readonly damaged: number;
  /** Backups that a recovery key does not open; 0 where there is no recovery key. */
  readonly uncovered: number;
}

/** How old the newest good backup of each source is, and what proves it. Reads manifests and reports, needs no key. @throws E_STORE_* */
export async function readSourceAges(
  repository: Repository,
  signal: AbortSignal,
): Promise<readonly SourceAges[]> {
  const coverage = await CoverageCheck.begin(repository, signal);
  const { summaries } = await summarise(repository, await repository.backupKeys(signal), {
    onEntry: ({ key, manifest }) => coverage.look(key, manifest?.keys ?? []),
    signal,
  });
  const uncovered = new Set(coverage.result().notOpened.flatMap(({ backups }) => backups));
  const now = repository.clock.now().getTime();
  const since = (at: Date | undefined) => at && Math.max(0, now - at.getTime());
  const readable = summaries.filter(({ state }) => state !== 'damaged');
  return [...Map.groupBy(readable, ({ source }) => source.name)].map(([source, backups]) => {
    const { newestGood, waiting, failed, lastVerify }: SourceStatus = statusOf(backups);
    const listedAt = backups.map(({ imported, startedAt }) => (imported ? new Date(imported.at) : startedAt));
    const firstAt = listedAt.toSorted((a, b) => a.getTime() - b.getTime())[0];
    const drills = backups.flatMap(({ marks: { drill } }) => (drill?.outcome === 'equal' ? [drill.at] : []));
    const lastDrill = drills.toSorted((a, b) => b.getTime() - a.getTime())[0];
    return {
      source,
      backupMs: since(newestGood?.startedAt),
      verificationMs: since(lastVerify?.at),
      drillMs: since(lastDrill),
      firstMs: since(firstAt),
      waiting: waiting.length,
      damaged: failed.length,
      uncovered: backups.filter(({ key }) => uncovered.has(key)).length,
    };
  });
}
