import type { BackupKey } from '../core/ids.ts';
import type { Repository } from '../repository/repository.ts';
import { type BackupSummary, summariseEntry } from './list.ts';

export interface BackupDetail extends BackupSummary {
  readonly parent: BackupKey | undefined;
  readonly server: string;
  readonly position: string;
  readonly consistency: string;
  /** First and last moment of reading, of a source without snapshots. */
  readonly window: { readonly from: string; readonly to: string } | null;
  readonly software: string;
  readonly omitted: readonly string[];
  readonly packs: number;
  readonly datasets: readonly {
    readonly name: string;
    readonly kind: 'schema' | 'data';
    readonly partitions: number;
    readonly records: number;
    readonly plainBytes: number;
    readonly chunks: number;
  }[];
}

/** @throws E_NO_BACKUP, E_DAMAGED, E_NO_KEY */
export async function showBackup(
  repository: Repository,
  key: BackupKey,
  signal: AbortSignal,
): Promise<BackupDetail> {
  const { manifest, catalog } = await repository.openBackup(key, signal);
  const { server, position, omitted } = catalog;
  return {
    ...summariseEntry({ key, manifest, isProven: true, problem: undefined }),
    parent: (manifest.parent ?? undefined) as BackupKey | undefined,
    server,
    position,
    consistency: manifest.consistency,
    window: manifest.window ?? null,
    software: manifest.software,
    omitted,
    packs: manifest.packs.length,
    datasets: catalog.datasets.map(({ name, kind, partitions }) => {
      const sum = (count: 'records' | 'plainBytes' | 'chunks') =>
        partitions.reduce((total, { root }) => total + (root?.[count] ?? 0), 0);
      const counts = { records: sum('records'), plainBytes: sum('plainBytes'), chunks: sum('chunks') };
      return { name, kind, partitions: partitions.length, ...counts };
    }),
  };
}
