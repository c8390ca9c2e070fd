import { HoldfastError } from '../../core/errors.ts';
import { parseBackupKey } from '../../core/ids.ts';
import { REPOSITORY_FILE } from '../../format/repository-file.ts';
import type { ObjectInfo, ObjectStore } from '../../store/object-store.ts';

/** Enough bytes to recognise a manifest. */
const START_BYTES = 200;
/** Objects to look at: a stranger may have put something beside backups. */
const MOST_LOOKED_AT = 20;
const MANIFEST_START = /^\{"format":"holdfast-backup"/;

/**
 * Recognises the backups in a place without a repository: of a repository that lost its first file, or of
 * another system, such as the original. Every command says the same about such a place.
 *
 * @throws E_NO_REPOSITORY, E_FOREIGN_REPOSITORY
 */
export async function refuseStranded(store: ObjectStore, signal: AbortSignal): Promise<void> {
  let other: string | undefined;
  for await (const info of store.list('backups/', { most: MOST_LOOKED_AT, signal })) {
    if (await isManifest(store, info, signal))
      throw new HoldfastError(
        'E_NO_REPOSITORY',
        `${store.location}: ${REPOSITORY_FILE} is missing, but backups of its repository are there, such as ${info.key}`,
        {
          hint: `Restore ${REPOSITORY_FILE} from a copy or an older version of the object: no other file opens them.`,
        },
      );
    other ??= info.key;
  }
  if (other === undefined) return;
  throw new HoldfastError(
    'E_FOREIGN_REPOSITORY',
    `${store.location} holds backups of another system, such as ${other}`,
    {
      hint: `Make the repository elsewhere, such as ${store.location}/holdfast, and bring in the original's files with \`holdfast import\`.`,
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
