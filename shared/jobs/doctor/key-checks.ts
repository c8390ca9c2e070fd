import { randomBytes } from 'node:crypto';
import { HoldfastError, isHoldfastError } from '../../core/errors.ts';
import type { KeyContext, KeyProvider } from '../../keys/key-provider.ts';
import { formatOf } from '../../repository/writing/format-to-write.ts';
import { type Check, type CheckResult, differs, holds, unknown } from '../../sources/source-checks.ts';
import { keyProvider, openConfiguredRepository, type RepositoryConfig } from '../open-repository.ts';

/** What the checks of a repository and its key share. */
export interface KeyLook {
  readonly config: RepositoryConfig;
  /** Why the configured key could not be read. */
  readonly keyProblem: HoldfastError | undefined;
  /**
   * What makes the repository if there is none: the functions' first backup, the first copy; otherwise a
   * person must.
   */
  readonly madeBy: 'backup' | 'copy' | undefined;
  provider: KeyProvider | undefined;
  /** Id of the repository; undefined if there is none yet. */
  repositoryId: string | undefined;
}

/** What follows if the key is missing or wrong. */
export const NO_KEY_NO_BACKUP = 'Nothing can be backed up or restored.';

/** @param needs the check that says whether the store can be reached */
export function repositoryCheck(needs: string): Check<KeyLook> {
  return {
    name: 'repository',
    assumes: 'There is a repository, in a format that this release knows.',
    neededFor: 'backup',
    follows: NO_KEY_NO_BACKUP,
    needs,
    look: (look, signal) => findRepository(look, signal),
  };
}

/** Whether a key is configured, works, and is the repository's. */
export const KEY: readonly Check<KeyLook>[] = [
  {
    name: 'key',
    assumes: 'A key of the right form is configured.',
    neededFor: 'backup',
    follows: NO_KEY_NO_BACKUP,
    look: async (look, signal) => {
      if (look.keyProblem) throw look.keyProblem;
      look.provider = await keyProvider(look.config, signal);
      if (look.provider) return holds(look.provider.rootKeyId);
      throw new HoldfastError('E_NO_KEY', 'no key is configured', {
        hint: 'Set HOLDFAST_KEY_FILE, BACKUP_ENCRYPTION_KEY or HOLDFAST_KMS_KEY; `holdfast init --new-key FILE` makes one.',
      });
    },
  },
  {
    name: 'key-use',
    assumes: 'It makes data keys, and opens them only in their context.',
    neededFor: 'backup',
    follows: NO_KEY_NO_BACKUP,
    needs: 'key-state',
    slow: { code: 'E_KEY_UNAVAILABLE', fix: 'Check the network to KMS: a route, or an endpoint in the VPC.' },
    look: ({ provider, repositoryId }, signal) => useKey(provider, repositoryId, signal),
  },
  {
    name: 'key-fits',
    assumes: 'It opens this repository.',
    neededFor: 'backup',
    follows: 'No backup can be read or added.',
    needs: 'key-use',
    look: async ({ config, repositoryId }, signal) => {
      if (repositoryId === undefined) return unknown('no repository was found');
      await using repository = await openConfiguredRepository(config, signal);
      return holds(`it opens ${repository.id.slice(0, 8)}`);
    },
  },
];

async function findRepository(look: KeyLook, signal: AbortSignal): Promise<CheckResult> {
  const keyless = { ...look.config, encryptionKey: undefined, kmsKey: undefined };
  try {
    await using repository = await openConfiguredRepository(keyless, signal);
    look.repositoryId = repository.id;
    return holds(`${repository.id.slice(0, 8)}, format ${await formatOf(repository.context, signal)}`);
  } catch (error) {
    // If there are backups but no such file, that is another message, and a failure.
    if (!isHoldfastError(error, 'E_NO_REPOSITORY') || !isHoldfastError(error.cause, 'E_OBJECT_NOT_FOUND'))
      throw error;
    if (look.madeBy) return holds(`does not exist yet; the first ${look.madeBy} makes it`);
    return differs(error.message, {
      isMinor: true,
      code: error.code,
      fix: 'Make it with `holdfast init`, or correct the place.',
    });
  }
}

/** Makes a data key that seals nothing, and opens it again; in another context it must stay closed. */
async function useKey(
  provider: KeyProvider | undefined,
  repositoryId: string | undefined,
  signal: AbortSignal,
): Promise<CheckResult> {
  if (!provider) return unknown('there is no key');
  const run = randomBytes(16).toString('hex');
  const context: KeyContext = { repository: repositoryId ?? run, run, purpose: 'manifest' };
  const { plain, ...wrapped } = await provider.generateDataKey(context, signal);
  const opened = await provider.unwrapDataKey(wrapped, context, signal);
  if (!Buffer.from(opened).equals(Buffer.from(plain)))
    return differs('a data key opens to a different one', {
      code: 'E_DAMAGED',
      fix: 'Do not use this key service.',
    });
  const other = { ...context, run: randomBytes(16).toString('hex') };
  const isBound = await provider.unwrapDataKey(wrapped, other, signal).then(
    () => false,
    (error: unknown) => isHoldfastError(error, 'E_DAMAGED') || isHoldfastError(error, 'E_KEY_DENIED'),
  );
  if (isBound) return holds('a data key was made and opened');
  return differs('a data key opens in another context too', {
    code: 'E_KEY_DENIED',
    fix: 'Use KMS itself: this service does not check the encryption context.',
  });
}
