import { isWaiting } from '../../core/backup-words.ts';
import type { BackupKey } from '../../core/ids.ts';
import { listOf, rootKeysOf } from '../../format/manifest.ts';
import { packKey } from '../../format/pack.ts';
import { linkOf, type SequenceLink } from '../../repository/documents/sequence-links.ts';
import { listPacks } from '../../repository/packs/list-packs.ts';
import type { ManifestEntry } from '../../repository/reading/manifest-reader.ts';
import type { Repository } from '../../repository/repository.ts';
import { formatOf } from '../../repository/writing/format-to-write.ts';
import { CoverageCheck, type RecoveryCoverage } from '../keys/recovery-coverage.ts';
import type { Naming } from '../source/naming.ts';
import { headsOf, type SequenceHead } from '../verify/sequence-breaks.ts';
import { type BackupSummary, newestGoodOf, summariseBackup } from './list.ts';
import type { PackedDay } from './stored-sizes.ts';

/** What manifests and reports say about sources. */
export interface SourceStates {
  readonly backups: number;
  readonly damaged: number;
  readonly sources: readonly SourceStatus[];
  /** Reports that do not count, as they are damaged or not Holdfast's. */
  readonly problems: readonly string[];
  readonly recovery: RecoveryCoverage;
  /** The newest of each source, by its number: keep these elsewhere. */
  readonly heads: readonly SequenceHead[];
}

/** What manifests and reports say about a repository. */
export interface RepositoryOverview extends SourceStates {
  readonly location: string;
  readonly repositoryId: string;
  /** The format of new backups. */
  readonly formatVersion: number;
  readonly rootKeyId: string;
  /** Newest backup of each source and type whose manifest is not damaged. */
  readonly newest: readonly BackupSummary[];
  /** Sum over all backups of the bytes that a restore of each would give. */
  readonly logicalBytes: number;
}

/** Figures from the list of packs, which is long in a large repository. */
export interface PackFigures {
  /** Bytes of all packs under `data/`. */
  readonly packBytes: number;
  readonly packs: number;
  /** Bytes of those by the day when they were stored, oldest first. */
  readonly packedDays: readonly PackedDay[];
  /**
   * Bytes of packs that no listed backup needs: left by stopped runs, or of removed backups. Undefined if
   * backups have pack lists, which are not read for this: `prune --dry-run` says it.
   */
  readonly unreferencedBytes: number | undefined;
}

/** What is known of a repository. */
export interface RepositoryStatus extends RepositoryOverview, PackFigures {}

/** What is known about the backups of one source whose manifests are not damaged. Names are newest first. */
export interface SourceStatus {
  readonly source: BackupSummary['source'];
  readonly backups: number;
  /** Missing if none can be relied on; an imported one only if there is no other. */
  readonly newestGood:
    | { readonly key: BackupKey; readonly startedAt: Date; readonly isImported: boolean }
    | undefined;
  /** Suspect, and nobody has accepted them. */
  readonly waiting: readonly BackupKey[];
  /** A verification found damage. */
  readonly failed: readonly BackupKey[];
  /** Dated long after they were stored. */
  readonly misdated: readonly BackupKey[];
  readonly held: readonly BackupKey[];
  /** The newest of each, with its backup. */
  readonly lastVerify: MarkOf<'verify'> | undefined;
  readonly lastFullVerify: MarkOf<'fullVerify'> | undefined;
  readonly lastDrill: MarkOf<'drill'> | undefined;
  readonly lastProof: MarkOf<'proof'> | undefined;
  /** Since when its backups are not compared with its stored changes: the oldest that could have been, after the newest that was. */
  readonly unprovenSince: Date | undefined;
}

type Marks = BackupSummary['marks'];
type MarkKind = 'verify' | 'fullVerify' | 'drill' | 'proof';
type MarkOf<K extends MarkKind> = NonNullable<Marks[K]> & {
  readonly key: BackupKey;
};

/** Reads all manifests, all reports and the list of packs; reads no pack and needs no key. */
export async function readStatus(
  repository: Repository,
  signal: AbortSignal,
  naming?: Naming,
): Promise<RepositoryStatus> {
  const { status, namedPacks } = await readOverview(repository, signal, naming);
  return { ...status, ...(await measurePacks(repository, namedPacks, signal)) };
}

/** The same without the packs, with all its backups, newest first. */
export async function readOverview(
  repository: Repository,
  signal: AbortSignal,
  naming?: Naming,
): Promise<{
  readonly status: RepositoryOverview;
  readonly backups: readonly BackupSummary[];
  /** Ids of all packs that backups need; undefined if some have pack lists. */
  readonly namedPacks: ReadonlySet<string> | undefined;
}> {
  const needed = new Set<string>();
  let hasLists = false;
  const onEntry = ({ manifest }: ManifestEntry) => {
    if (!manifest) return;
    if (listOf(manifest)) hasLists = true;
    else for (const { id } of manifest.packs ?? []) needed.add(packKey(id as never));
  };
  const { states, backups: summaries } = await readSourceStates(repository, { onEntry, naming, signal });
  const readable = summaries.filter(({ state }) => state !== 'damaged');
  const { id: repositoryId, rootKeyId } = repository;
  const formatVersion = await formatOf(repository.context, signal);
  const status = {
    location: repository.store.location,
    repositoryId,
    formatVersion,
    rootKeyId,
    ...states,
    newest: firstOfEach(readable, ({ source, type }) => JSON.stringify([source, type])),
    logicalBytes: summaries.reduce((sum, { plainBytes }) => sum + plainBytes, 0),
  };
  return { status, backups: summaries, namedPacks: hasLists ? undefined : needed };
}

/** Reads all manifests and all reports, and needs no key. @throws E_STORE_* */
export async function readSourceStates(
  repository: Repository,
  options: Parameters<typeof summariseBackup>[2],
): Promise<{ readonly states: SourceStates; readonly backups: readonly BackupSummary[] }> {
  const { onEntry = () => {}, signal } = options;
  const view = repository.forViews();
  const coverage = await CoverageCheck.begin(view, signal);
  const links: SequenceLink[] = [];
  const keys = await view.backupKeys(signal);
  const { summaries, marks } = await summariseBackup(view, keys, {
    ...options,
    onEntry: (entry) => {
      const { key, manifest, sha256, storedAt } = entry;
      if (manifest && sha256 !== undefined) links.push(linkOf(manifest, sha256, storedAt));
      coverage.look(key, manifest?.keys ?? [], manifest && rootKeysOf(manifest));
      onEntry(entry);
    },
  });
  const readable = summaries.filter(({ state }) => state !== 'damaged');
  const states = {
    backups: summaries.length,
    damaged: summaries.length - readable.length,
    sources: [...Map.groupBy(readable, ({ source }) => JSON.stringify(source)).values()].map(sourceStatus),
    problems: marks.problems.map(({ message }) => message),
    recovery: coverage.result(),
    heads: headsOf(links),
  };
  return { states, backups: summaries };
}

function firstOfEach(summaries: readonly BackupSummary[], name: (summary: BackupSummary) => string) {
  return [...Map.groupBy(summaries, name).values()].flatMap(([first]) => first ?? []);
}

/** @param backups of one source, at least one, newest first */
export function sourceStatus(backups: readonly BackupSummary[]): SourceStatus {
  const keysOf = (is: (backup: BackupSummary) => boolean) => backups.filter(is).map(({ key }) => key);
  const good = newestGoodOf(backups);
  return {
    source: backups[0]?.source ?? { kind: '', name: '' },
    backups: backups.length,
    newestGood: good && { key: good.key, startedAt: good.startedAt, isImported: good.imported !== undefined },
    waiting: keysOf(isWaiting),
    failed: keysOf(({ marks }) => marks.verify?.isWhole === false),
    misdated: keysOf(({ isMisdated }) => isMisdated),
    held: keysOf(({ marks }) => marks.hold !== undefined),
    lastVerify: newestMark(backups, 'verify'),
    lastFullVerify: newestMark(backups, 'fullVerify'),
    lastDrill: newestMark(backups, 'drill'),
    lastProof: newestMark(backups, 'proof'),
    unprovenSince: unprovenSince(backups, backups.find(({ marks }) => marks.proof)?.key),
  };
}

/**
 * When the oldest backup was made that could have been compared with stored changes, and was not, after the newest that was. The first of
 * all has none before it.
 *
 * @param newestFirst of one source
 * @param proven the newest that was compared, whatever came of it
 */
export function unprovenSince(
  newestFirst: readonly Pick<BackupSummary, 'key' | 'isBase' | 'startedAt'>[],
  proven: BackupKey | undefined,
): Date | undefined {
  const bases = newestFirst.filter(({ isBase }) => isBase);
  const newest = bases.findIndex(({ key }) => key === proven);
  return bases.slice(0, newest).at(-1)?.startedAt;
}

function newestMark<K extends MarkKind>(backups: readonly BackupSummary[], kind: K): MarkOf<K> | undefined {
  return backups
    .flatMap(({ key, marks }) => (marks[kind] ? [{ key, ...marks[kind] } as MarkOf<K>] : []))
    .toSorted((a, b) => b.at.getTime() - a.at.getTime())[0];
}

/** @param needed ids of packs that backups need, if all are known. @throws E_STORE_* */
export async function measurePacks(
  repository: Repository,
  needed: ReadonlySet<string> | undefined,
  signal: AbortSignal,
): Promise<PackFigures> {
  let packs = 0;
  let packBytes = 0;
  let unreferencedBytes = 0;
  const days = new Map<string, number>();
  await listPacks(repository.store, signal, ({ key, sizeBytes, modifiedAt }) => {
    const date = modifiedAt.toISOString().slice(0, 10);
    days.set(date, (days.get(date) ?? 0) + sizeBytes);
    packs++;
    packBytes += sizeBytes;
    if (needed?.has(key) === false) unreferencedBytes += sizeBytes;
  });
  const packedDays = [...days]
    .map(([date, bytes]) => ({ date, bytes }))
    .toSorted((a, b) => (a.date < b.date ? -1 : 1));
  return { packs, packBytes, packedDays, unreferencedBytes: needed && unreferencedBytes };
}
