import type { RetentionPolicy } from '../../../shared/config/retention.ts';
import type { BackupKey } from '../../../shared/core/ids.ts';
import { DAY_MS } from '../../../shared/core/units.ts';
import { type PruneResult, preparePrune, runPrune } from '../../../shared/jobs/retention/prune.ts';
import type { Repository } from '../../../shared/repository/repository.ts';
import type { ObjectStore } from '../../../shared/store/object-store.ts';
import { never } from './engine.ts';

/** A clock that stands until it is set. */
export class ManualClock {
  #now: number;

  constructor(start: string) {
    this.#now = Date.parse(start);
  }

  now(): Date {
    return new Date(this.#now);
  }

  set(at: Date): void {
    this.#now = at.getTime();
  }

  advance(ms: number): void {
    this.#now += ms;
  }

  advanceDays(days: number): void {
    this.advance(days * DAY_MS);
  }
}

/** Keeps the last `last` good backups of each source, and nothing by age. */
export function keepLast(last: number): RetentionPolicy {
  return { days: { '*': 0, daily: 0, weekly: 0, manual: 0 }, counts: { last } };
}

/** Plans and carries out. */
export async function prune(
  repository: Repository,
  policy: RetentionPolicy,
  { maxShare = 1 }: { readonly maxShare?: number } = {},
): Promise<PruneResult> {
  const rules = { policy, maxShare };
  const prepared = await preparePrune(repository, rules, { isDryRun: false, signal: never });
  return runPrune(repository, prepared, { signal: never });
}

/** Keys of what is stored, by the folder they are in; reports left out. */
export async function storedKeys(
  store: ObjectStore,
): Promise<Record<'backups' | 'data' | 'expired', string[]>> {
  const found = { backups: [] as string[], data: [] as string[], expired: [] as string[] };
  for await (const { key } of store.list('')) {
    const folder = key.split('/')[0] ?? '';
    if (folder in found) found[folder as keyof typeof found].push(key);
  }
  return found;
}

/** Ids of what a backup names: its packs, and the objects of its list of them. */
export async function packsOf(repository: Repository, key: BackupKey): Promise<string[]> {
  const manifest = await repository.readManifest(key, never);
  return (await repository.lists.all(manifest, never)).objects.map(({ id }) => id);
}
