import { HoldfastError } from '../../core/errors.ts';
import { parseBackupKey } from '../../core/ids.ts';
import { REPOSITORY_FILE } from '../../format/repository-file.ts';
import type { ObjectInfo, ObjectStore } from '../../store/object-store.ts';

/** Enough to tell a manifest. */
const START_BYTES = 200;
/** Objects that are looked at: a stranger may have put something beside backups. */
const MOST_LOOKED_AT = 20;
const MANIFEST_START = /^\{"format":"holdfast-backup"/;

/**
 * Tells what backups are of, in a place that has no repository: of one that lost its first file, or of another system, such as
 * the original. Every command says the same of such a place.
 *
 * @throws E_NO_REPOSITORY, E_FOREIGN_REPOSITORY
 */
export async function refuseStranded(store: ObjectStore, signal: AbortSignal): Promise<void> {
  let other: string | undefined;
  for await (const info of store.list('backups/', { most: MOST_LOOKED_AT, signal })) {
    if (await isManifest(store, info, signal))
      throw new HoldfastError(
        'E_NO_REPOSITORY',
        `${store.location}: ${REPOSITORY_FILE} is missing, and backups of its repository are there, such as ${info.key}`,
        {
          hint: `Bring ${REPOSITORY_FILE} back from a copy or an older version of the object: no other will open them.`,
        },
      );
    other ??= info.key;
  }
  if (other === undefined) return;
  throw new HoldfastError(
    'E_FOREIGN_REPOSITORY',
    `${store.location} holds backups of another system, such as ${other}`,
    {
      hint: `Make the repository elsewhere, such as ${store.location}/holdfast, and take files of the original over with \`holdfast import\`.`,
    },
  );
}

async function isManifest(
  store: ObjectStore,
  { key, sizeBytes }: ObjectInfo,
  signal: AbortSignal,
): Promise<boolean> {
  if (!parseBackupKey(key)) return false;
  const range = { offsetBytes: 0, lengthBytes: Math.min(START_BYTES, sizeBytes) };
  return MANIFEST_START.test(Buffer.from(await store.get(key, { range, signal })).toString('latin1'));
}
