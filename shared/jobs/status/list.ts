import { isWaiting } from '../../core/backup-words.ts';
import { type BackupKey, parseBackupKey } from '../../core/ids.ts';
import { orderedMap } from '../../core/ordered-map.ts';
import { MiB } from '../../core/units.ts';
import { type Manifest, neededBytesOf, type Suspicion } from '../../format/manifest.ts';
import { isMisdated } from '../../repository/documents/claimed-date.ts';
import type { BackupMarks, Marks } from '../../repository/documents/marks.ts';
import type { ManifestEntry } from '../../repository/reading/manifest-reader.ts';
import type { Repository } from '../../repository/repository.ts';
import { AS_STORED, type Naming } from '../source/naming.ts';

/** Manifests read at once, and most memory they may take: those of format 1 name every pack. */
const READS = 32;
const MOST_BYTES = 16 * MiB;

/** A backup as a list has it. */
export interface BackupSummary {
  readonly key: BackupKey;
  readonly type: string;
  readonly source: { readonly kind: string; readonly name: string };
  readonly startedAt: Date;
  readonly finishedAt: Date;
  readonly note: string | undefined;
  /**
   * When it was made from a file, and the kind of file; undefined for a backup that was read from its source.
   */
  readonly imported: Manifest['imported'];
  readonly records: number;
  readonly plainBytes: number;
  /** Bytes this backup's run added to the repository. */
  readonly storedBytes: number;
  /** Bytes of all packs it needs. */
  readonly neededBytes: number;
  /** `unproven`: its MAC was not checked, as no key was configured. */
  readonly state: 'whole' | 'unproven' | 'damaged';
  readonly problem: string | undefined;
  /**
   * Stored long before it says that it began: some clock was wrong, or somebody forged it. It is not relied
   * on.
   */
  readonly isMisdated: boolean;
  /** Stored changes can be applied to it. */
  readonly isBase: boolean;
  /** What made it suspect when it was written, without names. Empty if nothing did. */
  readonly suspect: readonly Suspicion[];
  /** What reports say about it: hold, acceptance, the newest verification and drill. */
  readonly marks: BackupMarks;
}

/**
 * Newest first. A manifest that does not parse or whose MAC is wrong is listed as `damaged`, not hidden and
 * not fatal.
 */
export async function listBackups(
  repository: Repository,
  options: {
    readonly type?: string | undefined;
    /** @default names as stored */
    readonly naming?: Naming | undefined;
    readonly signal: AbortSignal;
  },
): Promise<readonly BackupSummary[]> {
  const { type, naming, signal } = options;
  const view = repository.forViews();
  const keys = await view.backupKeys(signal, type === undefined ? 'backups/' : `backups/${type}/`);
  return (await summariseBackup(view, keys, { naming, signal })).summaries;
}

/**
 * Reads manifests and, at the same time, what reports say about them.
 *
 * @param options.onEntry receives each manifest as found, in name order; none is kept
 * @throws E_STORE_*
 */
export async function summariseBackup(
  repository: Repository,
  keys: readonly BackupKey[],
  options: {
    readonly onEntry?: (entry: ManifestEntry) => void;
    readonly naming?: Naming | undefined;
    readonly signal: AbortSignal;
  },
): Promise<{ readonly summaries: readonly BackupSummary[]; readonly marks: Marks }> {
  const { onEntry = () => {}, naming = AS_STORED, signal } = options;
  const readAll = async () => {
    const summaries: BackupSummary[] = [];
    const most = repository.readsOf(keys, { most: READS, memoryBytes: MOST_BYTES });
    for await (const entry of orderedMap(keys, most, (key) => repository.inspectIfListed(key, signal))) {
      if (!entry) continue;
      onEntry(entry);
      summaries.push(summariseEntry(entry));
    }
    return summaries;
  };
  const [found, marks] = await Promise.all([readAll(), repository.marks(signal)]);
  const named = await withConfiguredNames(found, naming);
  return { summaries: named.map((summary) => ({ ...summary, marks: marks.of(summary.key) })), marks };
}

/** The same, with their sources' configured names. */
export async function withConfiguredNames(
  summaries: readonly BackupSummary[],
  naming: Naming,
): Promise<readonly BackupSummary[]> {
  const nameOf = await naming(new Set(summaries.map(({ source }) => source.name)));
  return summaries.map((summary) => {
    const { kind, name } = summary.source;
    return { ...summary, source: { kind, name: nameOf(name) } };
  });
}

/**
 * Whether a backup may be relied on: whole as far as is known, stored when it says, and not suspect, or
 * accepted.
 */
export function isGood({
  state,
  isMisdated,
  suspect,
  marks,
}: Pick<BackupSummary, 'state' | 'isMisdated' | 'suspect' | 'marks'>): boolean {
  return (
    state !== 'damaged' && !isMisdated && marks.verify?.isWhole !== false && !isWaiting({ suspect, marks })
  );
}

/** The newest good one that was read from its source; without any, the newest imported one. */
export function newestGoodOf(newestFirst: readonly BackupSummary[]): BackupSummary | undefined {
  const good = newestFirst.filter(isGood);
  return good.find(({ imported }) => !imported) ?? good[0];
}

/** The same of a manifest and its marks. */
export function summariseEntry(
  { key, manifest, isProven, problem, storedAt }: ManifestEntry,
  marks: BackupMarks = {},
): BackupSummary {
  const parsed = parseBackupKey(key);
  const startedAt = new Date(manifest?.startedAt ?? parsed?.startedAt ?? 0);
  return {
    key,
    type: parsed?.type ?? '',
    source: manifest?.source ?? { kind: '', name: '' },
    startedAt,
    finishedAt: manifest ? new Date(manifest.finishedAt) : startedAt,
    note: manifest?.note,
    imported: manifest?.imported,
    records: manifest?.totals.records ?? 0,
    plainBytes: manifest?.totals.plainBytes ?? 0,
    storedBytes: manifest?.totals.storedBytes ?? 0,
    neededBytes: manifest ? neededBytesOf(manifest) : 0,
    state: problem ? 'damaged' : isProven ? 'whole' : 'unproven',
    problem: problem?.message,
    isMisdated: isMisdated({ startedAt, imported: manifest?.imported }, storedAt),
    isBase: manifest?.changes !== undefined,
    suspect: manifest?.suspect ?? [],
    marks,
  };
}
