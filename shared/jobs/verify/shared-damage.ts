import type { BackupKey } from '../../core/ids.ts';
import { orderedMap } from '../../core/ordered-map.ts';
import { packIdOf } from '../../format/pack.ts';
import { NameReader } from '../../repository/packs/named-packs.ts';
import { PackNumbers } from '../../repository/packs/pack-set.ts';
import type { Repository } from '../../repository/repository.ts';
import type { VerifyFinding } from './verify-findings.ts';

/** Manifests read at once. */
const READS = 8;

/**
 * Findings with the other listed backups that refer to the affected packs. Reads all manifests if there is
 * such a finding, else nothing.
 *
 * @param looked backups that were verified: their state is known
 * @throws E_STORE_*
 */
export async function withSharedDamage(
  repository: Repository,
  findings: readonly VerifyFinding[],
  { looked, signal }: { readonly looked: ReadonlySet<BackupKey>; readonly signal: AbortSignal },
): Promise<readonly VerifyFinding[]> {
  const sharing = new Map<string, BackupKey[]>();
  for (const { object } of findings) if (packIdOf(object)) sharing.set(packIdOf(object) ?? '', []);
  if (sharing.size === 0) return findings;
  const others = (await repository.backupKeys(signal)).filter((key) => !looked.has(key));
  const names = new NameReader(repository.lists, new PackNumbers());
  const read = async (key: BackupKey) => {
    const entry = await repository.inspectIfListed(key, signal);
    return entry?.manifest && names.of(entry, signal);
  };
  for await (const found of orderedMap(others, READS, read))
    for (const [id, keys] of sharing) if (found?.packs?.has(id)) keys.push(found.entry.key);
  return findings.map((finding) => ({
    ...finding,
    sharedBy: sharing.get(packIdOf(finding.object) ?? '') ?? [],
  }));
}

/** All backups that findings name as sharing the damage. */
export function sharedByOf(findings: readonly VerifyFinding[]): readonly BackupKey[] {
  return [...new Set(findings.flatMap(({ sharedBy }) => sharedBy))];
}
