import type { Repository } from '../repository/repository.ts';
import { linkOf, type SequenceLink } from '../repository/sequence.ts';
import { type BackupSummary, summarise } from './list.ts';
import { ProvenNewest } from './proven-newest.ts';
import { CoverageCheck } from './recovery-coverage.ts';
import { headsOf, type SequenceHead } from './sequence-breaks.ts';
import { type SourceStatus, statusOf } from './status.ts';

export interface SourceAges {
  /** What the manifests call it. */
  readonly source: string;
  /** Whether a key proved what the ages below are of. */
  readonly isProven: boolean;
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
  /** The newest by its number, where there is one: it never falls, unless backups were removed that prune would not. */
  readonly head: SequenceHead | undefined;
}

/**
 * How old the newest good backup of each source is, and what proves it. Reads all manifests and reports; with a key, which needs to
 * open no more than `manifest` keys, only what it proves makes anything young, and it opens a few for each source. Without one,
 * whoever may write to the store is believed.
 *
 * @throws E_STORE_*, E_KEY_*
 */
export async function readSourceAges(
  prover: Repository,
  signal: AbortSignal,
): Promise<readonly SourceAges[]> {
  const proven = prover.context.keys.hasRootKey ? new ProvenNewest(prover, signal) : undefined;
  const repository = prover.withoutKey();
  const coverage = await CoverageCheck.begin(repository, signal);
  const links: SequenceLink[] = [];
  const { summaries } = await summarise(repository, await repository.backupKeys(signal), {
    onEntry: ({ key, manifest, sha256, storedAt }) => {
      coverage.look(key, manifest?.keys ?? []);
      if (manifest && sha256 !== undefined) links.push(linkOf(manifest, sha256, storedAt));
    },
    signal,
  });
  const uncovered = new Set(coverage.result().notOpened.flatMap(({ backups }) => backups));
  const heads = headsOf(links);
  const now = repository.clock.now().getTime();
  const since = (at: Date | undefined) => at && Math.max(0, now - at.getTime());
  const readable = summaries.filter(({ state }) => state !== 'damaged');
  const ages = async ([source, backups]: [string, BackupSummary[]]): Promise<SourceAges> => {
    const { newestGood, waiting, failed, lastVerify }: SourceStatus = statusOf(backups);
    const good = proven ? await proven.good(backups) : newestGood;
    const listedAt = backups.map(({ imported, startedAt }) => (imported ? new Date(imported.at) : startedAt));
    const firstAt = listedAt.toSorted((a, b) => a.getTime() - b.getTime())[0];
    const drills = backups.flatMap(({ marks: { drill } }) => (drill?.outcome === 'equal' ? [drill] : []));
    const verifications = backups.flatMap(({ marks: { verify } }) => verify ?? []);
    const lastDrill = drills.map(({ at }) => at).toSorted((a, b) => b.getTime() - a.getTime())[0];
    return {
      source,
      isProven: proven !== undefined || prover.context.signatures.isRequired,
      backupMs: since(good?.startedAt),
      verificationMs: since(proven ? await proven.reportedAt(verifications) : lastVerify?.at),
      drillMs: since(proven ? await proven.reportedAt(drills) : lastDrill),
      firstMs: since(firstAt),
      waiting: waiting.length,
      damaged: failed.length,
      uncovered: backups.filter(({ key }) => uncovered.has(key)).length,
      head: heads.find((head) => head.source.name === source),
    };
  };
  const found: SourceAges[] = [];
  for (const one of Map.groupBy(readable, ({ source }) => source.name)) found.push(await ages(one));
  return found;
}
