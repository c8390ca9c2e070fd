import type { BackupKey } from '../../../shared/core/ids.ts';
import type { Manifest, Manifest1 } from '../../../shared/format/manifest.ts';
import type { ListedPack } from '../../../shared/format/pack-list.ts';
import type { Repository } from '../../../shared/repository/repository.ts';
import { never } from './engine.ts';

/** The packs of a backup, wherever they are listed. */
export async function listedPacks(repository: Repository, key: BackupKey): Promise<readonly ListedPack[]> {
  return repository.lists.packs(await repository.readManifest(key, never), never);
}

/** A manifest that names its packs itself, with others. */
export function withPacks<P extends NonNullable<Manifest['packs']>[number]>(
  manifest: Manifest,
  change: (packs: readonly P[]) => readonly object[],
): Manifest {
  if (!manifest.packs) throw new Error(`${manifest.key} has a list of packs`);
  return { ...manifest, packs: change(manifest.packs as unknown as P[]) } as Manifest;
}

/** For tests that write manifests of format 1 by hand. */
export function asFormat1(manifest: Manifest): Manifest1 {
  if (manifest.version === 1) return manifest;
  throw new Error(`${manifest.key} is of format ${manifest.version}`);
}
