import { isHoldfastError } from '../../core/errors.ts';
import type { FormatVersion } from '../../core/format-version.ts';
import { isDocumentProblem } from '../../format/authenticated-json.ts';
import type { Manifest } from '../../format/manifest.ts';
import { readUpgradeFile, UPGRADE_FILE } from '../../format/upgrade-file.ts';
import { getIfThere, headIfThere } from '../../store/if-there.ts';
import type { RepositoryContext } from '../context.ts';

/**
 * The format of a new backup: the newest of the repository's own, of its upgrade, and of the backups that
 * this one follows. So removing `repository-2.json` turns nothing back.
 *
 * @param before backups that it is compared with, or is a copy of
 * @throws E_NO_KEY, E_STORE_*
 */
export async function formatToWrite(
  context: Pick<RepositoryContext, 'file' | 'store' | 'secret'>,
  before: readonly (Partial<Pick<Manifest, 'version'>> | undefined)[],
  signal: AbortSignal,
): Promise<FormatVersion> {
  const isNew = context.file.version === 2 || before.some((manifest) => manifest?.version === 2);
  return isNew || (await isUpgraded(context, signal)) ? 2 : 1;
}

/**
 * The format that the repository's backups are written in; without a key, judged by which files exist.
 * @throws E_STORE_*
 */
export async function formatOf(context: RepositoryContext, signal: AbortSignal): Promise<FormatVersion> {
  if (context.file.version === 2) return 2;
  const isThere = context.keys.hasRootKey
    ? await isUpgraded(context, signal)
    : (await headIfThere(UPGRADE_FILE, context.store, signal)) !== undefined;
  return isThere ? 2 : 1;
}

/**
 * Whether a valid `repository-2.json` exists. A stranger's object in its place stops no backup, and neither
 * does a role that may not read it: these go on in format 1.
 *
 * @throws E_NO_KEY, E_STORE_*
 */
async function isUpgraded(
  { file, store, secret }: Pick<RepositoryContext, 'file' | 'store' | 'secret'>,
  signal: AbortSignal,
): Promise<boolean> {
  try {
    const bytes = await getIfThere(UPGRADE_FILE, store, signal);
    if (bytes) readUpgradeFile(bytes, file.id, await secret(signal));
    return bytes !== undefined;
  } catch (error) {
    if (isDocumentProblem(error) || isHoldfastError(error, 'E_STORE_DENIED')) return false;
    throw error;
  }
}
