import { packKey } from '../format/pack.ts';
import type { Repository } from '../repository/repository.ts';
import { type BackupSummary, summariseEntry } from './list.ts';

export interface RepositoryStatus {
  readonly location: string;
  readonly repositoryId: string;
  readonly formatVersion: number;
  readonly rootKeyId: string;
  readonly backups: number;
  readonly damaged: number;
  /** Newest whole backup of each source and type. */
  readonly newest: readonly BackupSummary[];
  /** Sum over all backups of what a restore of each would give. */
  readonly logicalBytes: number;
  /** Bytes of all objects under `data/`. */
  readonly packBytes: number;
  readonly packs: number;
  /** Bytes of packs that no listed backup needs: left by stopped runs, or of removed backups. */
  readonly unreferencedBytes: number;
}

/** Reads all manifests and the list of packs; reads no pack and needs no key. */
export async function readStatus(repository: Repository, signal: AbortSignal): Promise<RepositoryStatus> {
  const needed = new Set<string>();
  const newest = new Map<string, BackupSummary>();
  let backups = 0;
  let damaged = 0;
  let logicalBytes = 0;
  for (const key of await repository.backupKeys(signal)) {
    const entry = await repository.inspectManifest(key, signal);
    const summary = summariseEntry(entry);
    backups++;
    logicalBytes += summary.plainBytes;
    for (const { id } of entry.manifest?.packs ?? []) needed.add(packKey(id as never));
    if (summary.state === 'damaged') damaged++;
    else {
      const name = JSON.stringify([summary.source, summary.type]);
      if (!newest.has(name)) newest.set(name, summary);
    }
  }
  const packs = await measurePacks(repository, needed, signal);
  const { id: repositoryId, formatVersion, rootKeyId } = repository;
  const location = repository.store.location;
  return {
    location,
    repositoryId,
    formatVersion,
    rootKeyId,
    backups,
    damaged,
    newest: [...newest.values()],
    logicalBytes,
    ...packs,
  };
}

async function measurePacks(repository: Repository, needed: ReadonlySet<string>, signal: AbortSignal) {
  let packs = 0;
  let packBytes = 0;
  let unreferencedBytes = 0;
  for await (const { key, sizeBytes } of repository.store.list('data/', { signal })) {
    packs++;
    packBytes += sizeBytes;
    if (!needed.has(key)) unreferencedBytes += sizeBytes;
  }
  return { packs, packBytes, unreferencedBytes };
}
