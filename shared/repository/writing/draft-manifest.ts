import { countSuspicions, type Suspect } from '../../format/catalog.ts';
import { MANIFEST_FORMAT, type Manifest } from '../../format/manifest.ts';
import type { RepositoryContext } from '../context.ts';
import { type KnownPacks, listedPacks, namePacks, packName, packsAndKeys } from '../packs/name-packs.ts';
import type { AddedCatalog } from './add-catalog.ts';
import type { BackupToCommit } from './backup-to-write.ts';
import type { CommittedBackup } from './committed-backup.ts';
import type { WrittenList } from './list-writer.ts';
import type { NewManifest } from './put-manifest.ts';
import { rereadOf } from './reread.ts';

/** A manifest with what it needs in the store. */
export interface Drafted {
  readonly document: NewManifest;
  /** Ids of all packs that it names. */
  readonly packs: readonly string[];
  /** Objects that were stored for its list of packs, in that order. */
  readonly ofList: WrittenList['own'];
}

interface ToDraft {
  readonly suspect: Suspect | undefined;
  readonly sequence: Manifest['sequence'];
  readonly totals: Pick<Manifest['totals'], 'datasets' | 'records' | 'plainBytes'>;
  readonly figures: CommittedBackup['figures'];
  readonly known: KnownPacks;
  readonly catalog: AddedCatalog;
}

/** A manifest before it has its name; in format 2, with its list of packs stored. @throws E_STORE_* */
export async function draftManifest(
  context: RepositoryContext,
  options: BackupToCommit,
  draft: ToDraft,
): Promise<Drafted> {
  return options.header.version === 1 ? draft1(context, options, draft) : draft2(context, options, draft);
}

function draft1(context: RepositoryContext, options: BackupToCommit, draft: ToDraft): Drafted {
  const { known, catalog, figures, totals } = draft;
  const listed = packsAndKeys(known, catalog);
  const document: NewManifest = {
    format: MANIFEST_FORMAT,
    version: 1,
    ...aboutBackup(context, options, draft),
    totals: { ...totals, ...figures, storedBytes: bytesOf(known.own) },
    ...listed,
    catalog: placeOf(catalog),
  };
  return { document, packs: listed.packs.map(({ id }) => id), ofList: [] };
}

async function draft2(context: RepositoryContext, options: BackupToCommit, draft: ToDraft): Promise<Drafted> {
  const { known, catalog, totals } = draft;
  const listed = listedPacks(known, catalog);
  const place = placeOf(catalog);
  const packBytes = listed.find(({ id }) => id === place.pack)?.bytes ?? 0;
  const about = aboutBackup(context, options, draft);
  const rest = { ...about, totals, catalog: { ...place, packBytes } };
  const { named, own: ofList } = await namePacks(context, listed, {
    manifestKey: known.manifestKey,
    otherBytes: Buffer.byteLength(JSON.stringify(rest)),
    comparedWith: options.comparedWith,
    signal: options.signal,
  });
  const storedBytes = bytesOf(known.own) + bytesOf(ofList);
  const document: NewManifest = {
    format: MANIFEST_FORMAT,
    version: 2,
    ...about,
    totals: { ...totals, storedBytes },
    ...named,
    catalog: rest.catalog,
  };
  return { document, packs: listed.map(({ id }) => id), ofList };
}

function aboutBackup(
  context: RepositoryContext,
  { header, manifestKey, consistency, window, base }: BackupToCommit,
  { suspect, sequence, known }: ToDraft,
) {
  const parentDamage = known.shares.reduce((total, share) => total + share.parentDamage, 0);
  return {
    software: header.software,
    repository: context.file.id,
    run: manifestKey.entry.run,
    type: header.type,
    ...(header.note === undefined ? {} : { note: header.note }),
    source: header.source,
    parent: header.parent?.key ?? null,
    ...rereadOf(header.reread, parentDamage),
    ...(sequence === undefined ? {} : { sequence }),
    ...(header.imported === undefined ? {} : { imported: header.imported }),
    ...(base ? { changes: { after: base.after } } : {}),
    ...(suspect ? { suspect: countSuspicions(suspect.findings) } : {}),
    consistency,
    ...(window === undefined ? {} : { window: windowOf(window) }),
  } as const;
}

function windowOf({ from, to }: { readonly from: Date; readonly to: Date }): NonNullable<Manifest['window']> {
  return { from: from.toISOString(), to: to.toISOString() };
}

function placeOf({ id, location }: AddedCatalog): Omit<Manifest['catalog'], 'packBytes'> {
  const { pack, offset, storedBytes } = location;
  return { id, pack: packName(pack), offset, storedBytes };
}

function bytesOf(objects: readonly { readonly bytes: number }[]): number {
  return objects.reduce((total, { bytes }) => total + bytes, 0);
}
