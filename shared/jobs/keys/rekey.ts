import { createHash } from 'node:crypto';
import { HoldfastError, isHoldfastError } from '../../core/errors.ts';
import type { BackupKey } from '../../core/ids.ts';
import { orderedMap } from '../../core/ordered-map.ts';
import { EXPIRED, parseExpiredKey } from '../../format/expired.ts';
import { REPORT_KINDS } from '../../format/report.ts';
import { HexKeyProvider, refuseWeakKey } from '../../keys/hex-key-provider.ts';
import type { KeyProvider } from '../../keys/key-provider.ts';
import type { Keychain } from '../../keys/keychain.ts';
import { readRecoveryKeys } from '../../repository/keys/recovery-keys.ts';
import { rootsToWrap, wrapAll } from '../../repository/keys/recovery-wraps.ts';
import { isSuccessor, listKeysFiles, writeKeysFile } from '../../repository/keys/root-keys.ts';
import { putSignedBefore } from '../../repository/keys/signed-before.ts';
import type { Repository } from '../../repository/repository.ts';
import { getIfThere } from '../../store/if-there.ts';
import { checkKeys } from './keys.ts';

/** Objects read at once. */
const READS = 8;

/** What a change of the root key did. */
export interface RekeyResult {
  readonly location: string;
  readonly repositoryId: string;
  readonly oldRootKeyId: string;
  readonly newRootKeyId: string;
  /** False if the change was already made, and was only checked again. */
  readonly isNew: boolean;
  /** Number of listed backups that the new key alone opens. */
  readonly backups: number;
  /** Number of those whose manifest is damaged, with either key. */
  readonly damaged: number;
}

/**
 * Gives the repository another key: writes one object that holds the older keys, wrapped under the new one,
 * and proves with the new key alone that it opens every listed backup and report. Writes and changes nothing
 * else; the older keys open what they opened before. Run again, it finishes what was interrupted.
 *
 * @param open opens the repository with a key of 64 hex digits
 * @throws E_BAD_KEY, E_USAGE for a key that it has or had; E_WRONG_KEY if the configured key is not the
 * newest, E_STORE_*
 */
export async function rekeyRepository(
  open: (hexKey: string) => Promise<Repository>,
  { key, newKey, signal }: { readonly key: string; readonly newKey: string; readonly signal: AbortSignal },
): Promise<RekeyResult> {
  const newest = new HexKeyProvider(newKey);
  refuseWeakKey(newKey);
  await using repository = await open(key);
  const chain = repository.context.keys.provider();
  refuseUsedKey(newest, chain.providers);
  const opened = await refuseOlderKey(repository, newest, signal);
  await wrapRoots(repository, newest, signal);
  const isNew = await writeOnce(repository, newest, signal);
  await using renewed = await open(newKey);
  const { opens, damaged } = await prove(renewed, { chain, opened, signal });
  return {
    location: repository.store.location,
    repositoryId: repository.id,
    oldRootKeyId: chain.rootKeyId,
    newRootKeyId: newest.rootKeyId,
    isNew,
    backups: opens,
    damaged,
  };
}

/** Checks everything again with the new key alone. @throws E_WRONG_KEY */
async function prove(
  renewed: Repository,
  before: { readonly chain: Keychain; readonly opened: number; readonly signal: AbortSignal },
): Promise<{ readonly opens: number; readonly damaged: number }> {
  const { chain, opened, signal } = before;
  const { backups, reports } = await checkKeys(renewed, signal);
  const held = new Set(renewed.context.keys.provider().providers.map(({ rootKeyId }) => rootKeyId));
  const opens = backups.filter(({ state }) => state === 'opens').length;
  const isProven =
    chain.providers.every(({ rootKeyId }) => held.has(rootKeyId)) &&
    backups.every(({ state }) => state !== 'locked') &&
    (reports?.locked ?? 0) === 0 &&
    opens >= opened;
  if (!isProven) throw notProven(chain.rootKeyId, renewed.rootKeyId);
  await refuseOtherChange(renewed, signal);
  return { opens, damaged: backups.length - opens };
}

/** Before it is in use: no backup may be sealed under a root key that the recovery keys do not open. */
async function wrapRoots(repository: Repository, newest: KeyProvider, signal: AbortSignal): Promise<void> {
  const { context } = repository;
  const { active } = await readRecoveryKeys(context, signal);
  const wanted = rootsToWrap([newest, ...context.keys.provider().providers]);
  for (const recoveryKey of active) await wrapAll(context, recoveryKey, { wanted, signal });
}

function refuseUsedKey({ rootKeyId }: KeyProvider, used: readonly KeyProvider[]): void {
  const index = used.findIndex((provider) => provider.rootKeyId === rootKeyId);
  if (index < 0) return;
  const which = index === 0 ? 'the configured one' : 'an older one of this repository, which was replaced';
  throw new HoldfastError('E_USAGE', `the new key ${rootKeyId} is ${which}`, {
    hint: 'Let --new-key FILE make a new one.',
  });
}

/**
 * A replaced key does not open what was written since: a new key that holds only that one would not either.
 *
 * @returns how many backups the configured key opens
 */
async function refuseOlderKey(
  repository: Repository,
  newest: KeyProvider,
  signal: AbortSignal,
): Promise<number> {
  await refuseOtherChange(repository, signal, newest);
  const { backups, reports } = await checkKeys(repository, signal);
  const locked = backups.find(({ state }) => state === 'locked');
  if (locked || (reports?.locked ?? 0) > 0) {
    throw new HoldfastError(
      'E_WRONG_KEY',
      `the configured key ${repository.rootKeyId} does not open ${locked?.key ?? 'every report'}: it is not the newest`,
      {
        hint: 'Configure the newest key of the repository, and change that one; `holdfast keys` lists the keys in use. If nobody knows the key of that object, put it aside: `holdfast quarantine`.',
      },
    );
  }
  return backups.filter(({ state }) => state === 'opens').length;
}

/** @throws E_WRONG_KEY if the repository's key was changed to one that the configured key does not open */
async function refuseOtherChange(
  repository: Repository,
  signal: AbortSignal,
  expected?: KeyProvider,
): Promise<void> {
  const configured = repository.context.keys.provider();
  const known = new Set(configured.providers.map(({ rootKeyId }) => rootKeyId));
  if (expected) known.add(expected.rootKeyId);
  for (const { file } of await listKeysFiles(repository.store, signal)) {
    if (!file || known.has(file.rootKeyId) || !isSuccessor(file, configured)) continue;
    throw new HoldfastError(
      'E_WRONG_KEY',
      `the key of this repository was changed to ${file.rootKeyId} on ${file.createdAt}, which ${repository.rootKeyId} does not open`,
      { hint: `Configure the key ${file.rootKeyId}, and change that one if it must be changed again.` },
    );
  }
}

/** Whether it was written now, rather than before. */
async function writeOnce(repository: Repository, newest: KeyProvider, signal: AbortSignal): Promise<boolean> {
  const chain = repository.context.keys.provider();
  const createdAt = repository.clock.now();
  const { store } = repository;
  try {
    const signedBefore = await putSignedBefore(store, await signedUntilNow(repository, signal), signal);
    await writeKeysFile(store, repository.id, { chain, newest, createdAt, signedBefore }, signal);
    return true;
  } catch (error) {
    // An existing one is checked as if it had just been written.
    if (isHoldfastError(error, 'E_OBJECT_EXISTS')) return false;
    throw error;
  }
}

/**
 * SHA-256s of all manifests, unlisted ones included, and of proven reports: nothing that older keys sign
 * later is trusted.
 */
async function signedUntilNow(repository: Repository, signal: AbortSignal): Promise<string[]> {
  const { store } = repository;
  const hashes: string[] = [];
  const objects = async function* () {
    for (const key of await repository.backupKeys(signal)) yield { key, object: key as string };
    for await (const { key: object } of store.list(EXPIRED, { signal })) {
      const key = parseExpiredKey(object);
      if (key) yield { key, object };
    }
  };
  const hashOf = async ({ key, object }: { readonly key: BackupKey; readonly object: string }) => {
    const bytes = await getIfThere(object, store, signal);
    if (!bytes) return undefined;
    const { isProven } = await repository.inspect(key, async () => bytes, signal);
    return isProven ? createHash('sha256').update(bytes).digest('hex') : undefined;
  };
  for await (const hash of orderedMap(objects(), READS, hashOf)) if (hash) hashes.push(hash);
  for await (const { isProven, sha256 } of repository.reports.readAll(REPORT_KINDS, signal))
    if (isProven && sha256) hashes.push(sha256);
  return hashes;
}

function notProven(older: string, newest: string): HoldfastError {
  return new HoldfastError(
    'E_WRONG_KEY',
    `the new key ${newest} alone does not open everything that ${older} opens; it must not be used`,
    {
      hint: `Keep using the key ${older}. Somebody may have changed the key at the same time: see \`holdfast keys\`.`,
    },
  );
}
