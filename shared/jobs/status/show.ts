import type { BackupKey } from '../../core/ids.ts';
import type { Catalog, Suspect } from '../../format/catalog.ts';
import { type Manifest, neededBytesOf, packCountOf } from '../../format/manifest.ts';
import { figuresOf } from '../../repository/reading/dataset-figures.ts';
import type { Repository } from '../../repository/repository.ts';
import { type BackupSummary, summariseEntry } from './list.ts';

/** A backup with all that its manifest says. */
export interface BackupDetail extends BackupSummary {
  readonly parent: BackupKey | undefined;
  readonly server: string;
  readonly position: string;
  readonly consistency: string;
  /** First and last moment of reading, for a source without snapshots. */
  readonly window: { readonly from: string; readonly to: string } | null;
  readonly software: string;
  readonly omitted: readonly string[];
  readonly packs: number;
  /** What is suspect about it, with names, and compared with which backup; undefined if nothing is. */
  readonly findings: Suspect | undefined;
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
  const [{ manifest, catalog }, marks] = await Promise.all([
    repository.openBackup(key, signal),
    repository.marks(signal),
  ]);
  const { server, position, omitted } = catalog;
  return {
    ...summariseEntry({ key, manifest, isProven: true, problem: undefined }, marks.of(key)),
    parent: (manifest.parent ?? undefined) as BackupKey | undefined,
    server,
    position,
    consistency: manifest.consistency,
    window: manifest.window ?? null,
    software: manifest.software,
    omitted,
    packs: neededPacks(manifest).count,
    findings: catalog.suspect,
    datasets: datasetsOf(catalog),
  };
}

/** The packs that a restore of it reads. */
export function neededPacks(manifest: Manifest): { readonly count: number; readonly bytes: number } {
  return { count: packCountOf(manifest), bytes: neededBytesOf(manifest) };
}

/** The part of a backup that only the key opens. */
export function sealedDetail(catalog: Catalog) {
  const { server, position, omitted, suspect } = catalog;
  return {
    server,
    position,
    omitted: [...omitted],
    findings: suspect ? { against: suspect.against, findings: [...suspect.findings] } : null,
    datasets: datasetsOf(catalog),
  };
}

function datasetsOf({ datasets }: Catalog) {
  return datasets.map((dataset) => {
    const { name, kind, records, plainBytes, chunks } = figuresOf(dataset);
    return { name, kind, partitions: dataset.partitions.length, records, plainBytes, chunks };
  });
}
