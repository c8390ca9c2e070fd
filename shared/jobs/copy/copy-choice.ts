import type { RetentionPolicy } from '../../config/retention.ts';
import { type BackupKey, parseBackupKey } from '../../core/ids.ts';
import { orderedMap } from '../../core/ordered-map.ts';
import type { ManifestEntry } from '../../repository/reading/manifest-reader.ts';
import type { Repository } from '../../repository/repository.ts';
import { retentionBackup } from '../retention/prune-inventory.ts';
import { planRetention } from '../retention/retention.ts';
import { byTime } from './listed-backups.ts';

/** Manifests read at once. */
const READS = 8;

/** Which backups go to a second place. */
export interface CopyChoice {
  /** @default all */
  readonly types?: readonly string[] | undefined;
  /** By the names in manifests. @default all */
  readonly sources?: readonly string[] | undefined;
  /** The retention of that place: what it would remove is not copied. @default everything that is listed */
  readonly policy?: RetentionPolicy | undefined;
  /** Only these of them. @default all */
  readonly only?: readonly BackupKey[] | undefined;
}

/** Names of the listed backups that the second place should have, newest first. @throws E_STORE_* */
export async function chosenBackups(
  repository: Repository,
  choice: CopyChoice,
  signal: AbortSignal,
): Promise<readonly BackupKey[]> {
  const { types, sources, policy, only } = choice;
  const isChosen = (key: BackupKey) =>
    (!types || types.includes(parseBackupKey(key)?.type ?? '')) && (!only || only.includes(key));
  const keys = (await repository.backupKeys(signal)).filter(isChosen);
  const named = sources || policy ? await byManifests(repository, keys, { sources, policy, signal }) : keys;
  return named.toSorted(byTime).reverse();
}

async function byManifests(
  repository: Repository,
  keys: readonly BackupKey[],
  { sources, policy, signal }: Pick<CopyChoice, 'sources' | 'policy'> & { readonly signal: AbortSignal },
): Promise<readonly BackupKey[]> {
  const entries: ManifestEntry[] = [];
  for await (const entry of orderedMap(keys, READS, (key) => repository.inspectIfListed(key, signal)))
    if (entry && isOf(entry, sources)) entries.push(withoutPacks(entry));
  if (!policy) return entries.map(({ key }) => key);
  const marks = await repository.marks(signal);
  const backups = entries.map((entry) => retentionBackup(entry, marks));
  const decisions = planRetention(backups, policy, repository.clock.now());
  return decisions.filter(({ keep }) => keep).map(({ key }) => key);
}

/** One that cannot be read may be of any source. */
function isOf({ manifest, claimed }: ManifestEntry, sources: CopyChoice['sources']): boolean {
  const name = (manifest ?? claimed)?.source.name;
  return !sources || name === undefined || sources.includes(name);
}

function withoutPacks({ claimed, manifest, ...entry }: ManifestEntry): ManifestEntry {
  return {
    ...entry,
    manifest: manifest && { ...manifest, packs: [] },
    ...(claimed ? { claimed: { ...claimed, packs: [] } } : {}),
  };
}
