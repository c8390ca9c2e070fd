import type { HoldfastError } from '../../core/errors.ts';
import { type BackupKey, parseBackupKey } from '../../core/ids.ts';
import type { Marks } from '../../repository/documents/marks.ts';
import { listPacks } from '../../repository/packs/list-packs.ts';
import { readPackUse } from '../../repository/packs/pack-use.ts';
import type { ManifestEntry } from '../../repository/reading/manifest-reader.ts';
import { type Repository, withNoPacks } from '../../repository/repository.ts';
import { isListedLate } from '../../repository/writing/commit-guard.ts';
import { noteKeysOfChanges } from '../changes/keys-of-changes.ts';
import type { ListedBase } from '../changes/prune-changes.ts';
import { readWraps, WrapUse } from '../keys/wrap-use.ts';
import { AS_STORED, type Naming } from '../source/naming.ts';
import type { PruneInventory, StoredPack } from './prune-plan.ts';
import type { RetentionBackup } from './retention.ts';

const PACK_KEY = /^data\/([0-9a-f]{2})\/(\1[0-9a-f]{62})$/;

/** What retention goes by, from a list entry and the reports about it. */
export function retentionBackup(
  { key, manifest, claimed, problem, storedAt }: ManifestEntry,
  marks: Marks,
  { putAside, isListedLate = false }: Pick<RetentionBackup, 'putAside' | 'isListedLate'> = {},
): RetentionBackup {
  const parsed = parseBackupKey(key);
  const { hold, accept, verify, fullVerify } = marks.of(key);
  const startedAt = parsed?.startedAt ?? new Date(0);
  // A later full verification has checked whatever an earlier one may have found.
  const unread = marks.unreadVerifies.find(
    ({ at }) => at >= startedAt && !(fullVerify && fullVerify.at > at),
  );
  return {
    key,
    type: parsed?.type ?? '',
    source: (manifest ?? claimed)?.source,
    startedAt,
    storedAt: (manifest ?? claimed)?.imported ? undefined : storedAt,
    problem: problem?.message,
    isSuspect: manifest?.suspect !== undefined && accept === undefined,
    isDamaged: verify?.isWhole === false,
    unreadVerify: unread?.report,
    isImported: (manifest ?? claimed)?.imported !== undefined,
    hold: hold?.reason,
    isListedLate,
    putAside,
  };
}

/** Backups under a configured name and earlier ones under its location belong to one source. */
export async function byConfiguredNames(
  backups: readonly RetentionBackup[],
  naming: Naming = AS_STORED,
): Promise<readonly RetentionBackup[]> {
  const nameOf = await naming(new Set(backups.flatMap(({ source }) => source?.name ?? [])));
  return backups.map((backup) => {
    const { source } = backup;
    return source ? { ...backup, source: { kind: source.kind, name: nameOf(source.name) } } : backup;
  });
}

/** Reads the basis of a plan. @throws E_STORE_*, E_WRONG_KEY */
export async function readPruneInventory(
  repository: Repository,
  now: Date,
  { naming, signal }: { readonly naming?: Naming | undefined; readonly signal: AbortSignal },
): Promise<{ readonly view: PruneInventory; readonly problems: readonly HoldfastError[] }> {
  const entries: ManifestEntry[] = [];
  const onListed = (entry: ManifestEntry) => entries.push(withoutPacks(entry));
  const wrapUse = new WrapUse();
  const onManifest = wrapUse.note.bind(wrapUse);
  const use = await readPackUse(repository, { now, onListed, onManifest, signal });
  const stored = await readWraps(repository, wrapUse, signal);
  const isSure = stored.length === 0 || (await noteKeysOfChanges(repository, wrapUse, signal));
  const wraps = { stored: isSure ? stored : [], use: wrapUse };
  const packs = await readPacks(repository, signal);
  const marks = await repository.marks(signal);
  const packedAt = new Map(packs.map(({ id, storedAt }) => [id, storedAt]));
  const isLate = ({ manifest, storedAt }: ManifestEntry) =>
    manifest !== undefined &&
    storedAt !== undefined &&
    isListedLate(storedAt, packedAt.get(manifest.catalog.pack), repository.context.graceMs);
  const retained = entries.map((entry) =>
    retentionBackup(entry, marks, { putAside: use.putAside.get(entry.key), isListedLate: isLate(entry) }),
  );
  const bases = entries.flatMap((entry, i) => listedBase(entry, retained[i]) ?? []);
  const backups = await byConfiguredNames(retained, naming);
  const problems = [...entries.flatMap(({ problem }) => problem ?? []), ...marks.problems];
  const heads = headsAmong(entries);
  return { view: { now, backups, use, packs, wraps, heads, bases, ...holdsOf(marks) }, problems };
}

/** Of a backup that changes can be applied to. */
function listedBase(
  { key, manifest, storedAt }: ManifestEntry,
  known: RetentionBackup | undefined,
): ListedBase | undefined {
  if (!manifest?.changes || !storedAt || !known) return undefined;
  const isGood =
    !known.isSuspect && !known.isDamaged && !known.isListedLate && known.unreadVerify === undefined;
  const { source, changes } = manifest;
  return { key, source, after: changes.after, storedAt, isGood: isGood && known.problem === undefined };
}

/** The same inventory at present: reads only new manifests. */
export async function readPruneInventoryAgain(
  repository: Repository,
  view: PruneInventory,
  signal: AbortSignal,
): Promise<PruneInventory> {
  const onManifest: WrapUse['note'] = (object, keys) => view.wraps?.use.note(object, keys);
  const use = await readPackUse(repository, { now: view.now, known: view.use, onManifest, signal });
  return { ...view, use, ...holdsOf(await repository.marks(signal)) };
}

/** For each source those with the highest number; forged ones have none. */
function headsAmong(entries: readonly ManifestEntry[]): ReadonlySet<string> {
  const highest = new Map<string, number>();
  const numbered = entries.flatMap(({ key, manifest }) =>
    manifest?.sequence
      ? [{ key, number: manifest.sequence.number, name: JSON.stringify(manifest.source) }]
      : [],
  );
  for (const { name, number } of numbered) highest.set(name, Math.max(number, highest.get(name) ?? 0));
  return new Set(numbered.filter(({ name, number }) => highest.get(name) === number).map(({ key }) => key));
}

function holdsOf(marks: Marks): Pick<PruneInventory, 'isHeld' | 'unreadHolds'> {
  const isHeld = (key: BackupKey) => marks.of(key).hold !== undefined;
  return { isHeld, unreadHolds: marks.unreadHolds };
}

/** The packs that manifests name are kept once, in `PackUse`: they take most of the memory. */
function withoutPacks({ claimed, ...entry }: ManifestEntry): ManifestEntry {
  const { manifest } = entry;
  return {
    ...entry,
    ...(manifest ? { manifest: withNoPacks(manifest) } : {}),
    ...(claimed && !manifest ? { claimed: withNoPacks(claimed) } : {}),
  };
}

async function readPacks({ store }: Repository, signal: AbortSignal): Promise<readonly StoredPack[]> {
  const packs: StoredPack[] = [];
  await listPacks(store, signal, ({ key, sizeBytes, modifiedAt }) => {
    const id = PACK_KEY.exec(key)?.[2];
    if (id !== undefined) packs.push({ id, bytes: sizeBytes, storedAt: modifiedAt });
  });
  return packs;
}
