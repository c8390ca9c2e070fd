import { timingSafeEqual } from 'node:crypto';
import { about, HoldfastError, isHoldfastError } from '../../core/errors.ts';
import { isDocumentProblem } from '../../format/authenticated-json.ts';
import {
  checkKeysFile,
  encodeKeysFile,
  isKeysFileKey,
  KEYS_PREFIX,
  type KeysFile,
  keysFileKey,
  parseKeysFile,
  voucherOf,
} from '../../format/keys-file.ts';
import { REPOSITORY_FILE, type RepositoryFile } from '../../format/repository-file.ts';
import { HexKeyProvider } from '../../keys/hex-key-provider.ts';
import { type KeyProvider, wrongKey } from '../../keys/key-provider.ts';
import { Keychain } from '../../keys/keychain.ts';
import type { ObjectStore } from '../../store/object-store.ts';
import type { RepositoryContext } from '../context.ts';
import { SignedBefore } from './signed-before.ts';

/**
 * The configured root key with the older ones that it opens. Reads the store only if the repository was made
 * with another key.
 *
 * @throws E_WRONG_KEY, E_DAMAGED, E_NEWER_FORMAT, E_STORE_*
 */
export async function openKeychain(
  store: ObjectStore,
  file: RepositoryFile,
  provider: KeyProvider,
  signal: AbortSignal,
): Promise<Keychain> {
  if (provider.opens(file.secret.rootKeyId)) return new Keychain(provider, []);
  const key = keysFileKey(provider.rootKeyId);
  const bytes = await store.get(key, { signal }).catch((error: unknown) => {
    if (!isHoldfastError(error, 'E_OBJECT_NOT_FOUND')) throw error;
    throw wrongKey(
      file.secret.rootKeyId,
      provider.rootKeyId,
      `Configure the key of this repository; nothing is damaged. If its key was changed to the configured one, ${key} is gone: restore that from an older version, or use the older key.`,
    ).about(REPOSITORY_FILE);
  });
  const keys = parseKeysFile(bytes, key);
  if (keys.repository !== file.id)
    throw new HoldfastError(
      'E_DAMAGED',
      `${key} is of repository ${keys.repository}, but this is ${file.id}`,
    );
  const context = { repository: file.id, run: file.id, purpose: 'keys' } as const;
  const seal = await about(key, () => provider.unwrapDataKey(keys.seal, context, signal));
  checkKeysFile(bytes, key, seal);
  const older: KeyProvider[] = [];
  for (const entry of keys.older) {
    const of = { file, provider, wrappedBy: keys.seal.rootKeyId, key, signal };
    older.push(await about(key, () => openOlder(entry, of)));
  }
  const { signedBefore } = keys;
  return new Keychain(provider, older, signedBefore && new SignedBefore(store, signedBefore));
}

async function openOlder(
  { rootKeyId, wrapped }: KeysFile['older'][number],
  about: {
    readonly file: RepositoryFile;
    readonly provider: KeyProvider;
    /** As the provider names its key: a KMS key may be configured by any of its names. */
    readonly wrappedBy: string;
    readonly key: string;
    readonly signal: AbortSignal;
  },
): Promise<KeyProvider> {
  const { file, provider, wrappedBy, key, signal } = about;
  const context = { repository: file.id, run: rootKeyId, purpose: 'root' } as const;
  const entry = { rootKeyId: wrappedBy, wrapped };
  const plain = await provider.unwrapDataKey(entry, context, signal);
  const older = new HexKeyProvider(Buffer.from(plain).toString('hex'));
  if (older.rootKeyId === rootKeyId) return older;
  throw new HoldfastError('E_DAMAGED', `${key} holds another key than ${rootKeyId} under that id`);
}

/**
 * Writes the object that lets `newest` open what was written under all of `chain`'s keys.
 *
 * @throws E_OBJECT_EXISTS if that key has such an object; E_USAGE if a key of the chain cannot be exported
 */
export async function writeKeysFile(
  store: ObjectStore,
  repository: string,
  keys: {
    readonly chain: Keychain;
    readonly newest: KeyProvider;
    readonly createdAt: Date;
    readonly signedBefore?: KeysFile['signedBefore'];
  },
  signal: AbortSignal,
): Promise<void> {
  const { chain, newest, createdAt, signedBefore } = keys;
  const key = keysFileKey(newest.rootKeyId);
  const older: KeysFile['older'] = [];
  const vouchers: NonNullable<KeysFile['vouchers']> = [];
  for (const provider of chain.providers) {
    const { rootKeyId } = provider;
    const plain = provider.exportRootKey();
    if (!plain)
      throw new HoldfastError(
        'E_USAGE',
        `the key ${rootKeyId} never leaves its place: it cannot be replaced by another`,
      );
    const { wrapped } = await newest.wrapKey(plain, { repository, run: rootKeyId, purpose: 'root' }, signal);
    older.push({ rootKeyId, wrapped });
    vouchers.push({ rootKeyId, mac: voucherOf(plain, { repository, rootKeyId: newest.rootKeyId }) });
  }
  const context = { repository, run: repository, purpose: 'keys' } as const;
  const { plain, ...seal } = await newest.generateDataKey(context, signal);
  const { rootKeyId } = newest;
  const said = { older, vouchers, ...(signedBefore ? { signedBefore } : {}), seal };
  const file = { repository, key, rootKeyId, createdAt: createdAt.toISOString(), ...said };
  await store.put(key, encodeKeysFile(file, plain), { signal });
}

/**
 * Checks an object of keys: its form, and its MAC if a known root key opens it.
 *
 * @throws E_DAMAGED, E_NEWER_FORMAT, E_FOREIGN_REPOSITORY
 */
export async function proveKeysFile(
  { file, keys }: RepositoryContext,
  key: string,
  bytes: Uint8Array,
  signal: AbortSignal,
): Promise<void> {
  const found = parseKeysFile(bytes, key);
  if (found.repository !== file.id)
    throw new HoldfastError(
      'E_DAMAGED',
      `${key} is of repository ${found.repository}, but this is ${file.id}`,
    );
  // The object of a key that came after the configured one.
  if (!keys.provider().opens(found.seal.rootKeyId)) return;
  const context = { repository: file.id, run: file.id, purpose: 'keys' } as const;
  checkKeysFile(bytes, key, await keys.provider().unwrapDataKey(found.seal, context, signal));
}

/**
 * Whether the configured root key itself confirms that this one replaces it. Anybody who may write to the
 * store can add an object that claims to be a change of root key; that must not stop anybody.
 */
export function isSuccessor(
  file: KeysFile,
  configured: Pick<KeyProvider, 'rootKeyId' | 'exportRootKey'>,
): boolean {
  const plain = configured.exportRootKey();
  const voucher = file.vouchers?.find(({ rootKeyId }) => rootKeyId === configured.rootKeyId);
  if (!plain || !voucher) return false;
  return timingSafeEqual(Buffer.from(voucher.mac), Buffer.from(voucherOf(plain, file)));
}

/**
 * Holders of the newer key trust nothing that a replaced root key signs, so nothing is written with it.
 *
 * @throws E_WRONG_KEY, E_STORE_*
 */
export async function refuseReplaced(
  store: ObjectStore,
  configured: Pick<KeyProvider, 'rootKeyId' | 'exportRootKey'>,
  signal: AbortSignal,
): Promise<void> {
  if (!configured.exportRootKey()) return;
  for (const { file } of await listKeysFiles(store, signal)) {
    if (!file?.signedBefore || !isSuccessor(file, configured)) continue;
    throw new HoldfastError(
      'E_WRONG_KEY',
      `the key of this repository was changed to ${file.rootKeyId} on ${file.createdAt}; what ${configured.rootKeyId} signs since then is not trusted`,
      { hint: `Configure the key ${file.rootKeyId}. Nothing was written.` },
    );
  }
}

/** A change of root key as found; not proven, as that needs its key. */
export interface FoundKeysFile {
  readonly key: string;
  readonly file: KeysFile | undefined;
  readonly problem: HoldfastError | undefined;
}

/** Every change of root key, oldest first by its own date. @throws E_STORE_* */
export async function listKeysFiles(
  store: ObjectStore,
  signal: AbortSignal,
): Promise<readonly FoundKeysFile[]> {
  const found: FoundKeysFile[] = [];
  for await (const { key } of store.list(KEYS_PREFIX, { signal })) {
    if (!isKeysFileKey(key)) continue;
    try {
      const bytes = await store.get(key, { signal });
      found.push({ key, file: parseKeysFile(bytes, key), problem: undefined });
    } catch (error) {
      if (!isDocumentProblem(error)) throw error;
      found.push({ key, file: undefined, problem: error });
    }
  }
  return found.sort((a, b) => (a.file?.createdAt ?? '').localeCompare(b.file?.createdAt ?? ''));
}
