import { HoldfastError, isHoldfastError } from '../../core/errors.ts';
import { isDocumentProblem } from '../../format/authenticated-json.ts';
import {
  checkRecovery,
  encodeRecoveryKey,
  encodeRecoveryRemoval,
  parseRecoveryKey,
  parseRecoveryKeyName,
  parseRecoveryRemoval,
  RECOVERY_KEM,
  RECOVERY_KEYS,
  type RecoveryKeyFile,
  recoveryKeyName,
  recoveryRemovalName,
} from '../../format/recovery-file.ts';
import { type RecoveryKey, recoveryKeyId } from '../../keys/recovery-key.ts';
import { headIfThere, putIfAbsent } from '../../store/if-there.ts';
import type { RepositoryContext } from '../context.ts';

type Context = Pick<RepositoryContext, 'store' | 'file' | 'keys' | 'secret' | 'recoveryKeys'>;

/** The public half of a recovery key, as the repository has it. */
export interface KnownRecoveryKey {
  readonly id: string;
  readonly publicKey: Uint8Array;
  readonly createdAt: Date;
  readonly isRemoved: boolean;
}

/** Recovery keys of a repository. */
export interface RecoveryKeys {
  /** The keys to wrap to. */
  readonly active: readonly KnownRecoveryKey[];
  readonly removed: readonly KnownRecoveryKey[];
  /** Objects that are not trusted, and configured keys that the repository lacks. */
  readonly problems: readonly string[];
}

/**
 * The repository's recovery keys. With a root key, each must prove that a holder of the repository's secret
 * made it. Otherwise anybody who can write to the store could add a public half of their own, and have every
 * backup's keys wrapped to it.
 *
 * @throws E_STORE_*; an object's problem is in the value
 */
export async function readRecoveryKeys(context: Context, signal: AbortSignal): Promise<RecoveryKeys> {
  const found: KnownRecoveryKey[] = [];
  const removed = new Set<string>();
  const problems: string[] = [];
  for (const key of await objectsOf(context, signal)) {
    const name = parseRecoveryKeyName(key);
    if (!name) continue;
    try {
      const bytes = await context.store.get(key, { signal });
      if (name.isRemoval) removed.add(await removedBy(context, { key, bytes, id: name.id }, signal));
      else found.push(await keyOf(context, { key, bytes, id: name.id }, signal));
    } catch (error) {
      if (!isDocumentProblem(error) && !isHoldfastError(error, 'E_OBJECT_NOT_FOUND')) throw error;
      problems.push(error.message);
    }
  }
  const known = found.map((one) => ({ ...one, isRemoved: removed.has(one.id) }));
  const wanted = context.recoveryKeys;
  const isWanted = ({ id }: KnownRecoveryKey) => wanted.length === 0 || wanted.includes(id);
  const active = known.filter((one) => !one.isRemoved && isWanted(one));
  return {
    active,
    removed: known.filter(({ isRemoved }) => isRemoved),
    problems: [...problems, ...unnamed(known, wanted), ...absent(active, wanted)],
  };
}

/** The listed objects, and the configured public halves, as a listing may lag behind. */
async function objectsOf({ store, recoveryKeys }: Context, signal: AbortSignal): Promise<Set<string>> {
  const keys = new Set<string>();
  for await (const { key } of store.list(RECOVERY_KEYS, { signal })) keys.add(key);
  for (const id of recoveryKeys)
    if (!keys.has(recoveryKeyName(id)) && (await headIfThere(recoveryKeyName(id), store, signal)))
      keys.add(recoveryKeyName(id));
  return keys;
}

/**
 * Checks a public half, or a removal: its form, its name, and its MAC. @throws E_DAMAGED, E_NEWER_FORMAT,
 * E_FOREIGN_REPOSITORY
 */
export async function proveRecoveryKey(
  context: RepositoryContext,
  key: string,
  bytes: Uint8Array,
  signal: AbortSignal,
): Promise<void> {
  const name = parseRecoveryKeyName(key);
  if (!name) return;
  const found = { key, bytes, id: name.id };
  await (name.isRemoval ? removedBy(context, found, signal) : keyOf(context, found, signal));
}

/** Stores the public half, unless it exists. @throws E_DAMAGED if something else is there, E_STORE_* */
export async function putRecoveryKey(
  context: RepositoryContext,
  recoveryKey: RecoveryKey,
  signal: AbortSignal,
): Promise<void> {
  const { store, file, clock } = context;
  const secret = await context.secret(signal);
  const key = recoveryKeyName(recoveryKey.id);
  const body = {
    repository: file.id,
    key,
    createdAt: clock.now().toISOString(),
    kem: RECOVERY_KEM,
    publicKey: Buffer.from(recoveryKey.publicKey).toString('base64'),
    secret: recoveryKey.sealSecret(secret, file.id),
  } as const;
  await putIfAbsent(key, encodeRecoveryKey(body, secret), store, { signal });
  const bytes = await store.get(key, { signal });
  const stored = await keyFileOf(context, { key, bytes, id: recoveryKey.id }, signal);
  recoveryKey.openSecret(stored.secret, file.id);
}

/** Records permanently that nothing is to be wrapped to it any more. Repeatable. @throws E_STORE_* */
export async function putRecoveryRemoval(
  context: RepositoryContext,
  id: string,
  signal: AbortSignal,
): Promise<void> {
  const { store, file, clock } = context;
  const secret = await context.secret(signal);
  const key = recoveryRemovalName(id);
  const body = { repository: file.id, key, removedAt: clock.now().toISOString() };
  await putIfAbsent(key, encodeRecoveryRemoval(body, secret), store, { signal });
  await removedBy(context, { key, bytes: await store.get(key, { signal }), id }, signal);
}

interface Found {
  readonly key: string;
  readonly bytes: Uint8Array;
  readonly id: string;
}

async function keyOf(context: Context, found: Found, signal: AbortSignal): Promise<KnownRecoveryKey> {
  const file = await keyFileOf(context, found, signal);
  const publicKey = Buffer.from(file.publicKey, 'base64');
  return { id: found.id, publicKey, createdAt: new Date(file.createdAt), isRemoved: false };
}

async function keyFileOf(
  context: Context,
  { key, bytes, id }: Found,
  signal: AbortSignal,
): Promise<RecoveryKeyFile> {
  const file = parseRecoveryKey(bytes, key);
  if (recoveryKeyId(Buffer.from(file.publicKey, 'base64')) !== id)
    throw new HoldfastError('E_DAMAGED', `${key} holds another public key than its name says`);
  await prove(context, { bytes, file }, signal);
  return file;
}

async function removedBy(context: Context, { key, bytes, id }: Found, signal: AbortSignal): Promise<string> {
  await prove(context, { bytes, file: parseRecoveryRemoval(bytes, key) }, signal);
  return id;
}

async function prove(
  { file: { id: repository }, keys, secret }: Context,
  {
    bytes,
    file,
  }: { readonly bytes: Uint8Array; readonly file: { readonly key: string; readonly repository: string } },
  signal: AbortSignal,
): Promise<void> {
  if (!keys.hasRootKey) return;
  checkRecovery(bytes, file, { repository, secret: await secret(signal), kind: 'keys' });
}

/** A key that somebody made, but that the configuration does not name. */
function unnamed(known: readonly KnownRecoveryKey[], wanted: readonly string[]): string[] {
  if (wanted.length === 0) return [];
  return known
    .filter(({ id, isRemoved }) => !isRemoved && !wanted.includes(id))
    .map(({ id }) => `recovery key ${id} is in the repository but not in recoveryKeys: it is not used`);
}

function absent(active: readonly KnownRecoveryKey[], wanted: readonly string[]): string[] {
  return wanted
    .filter((id) => !active.some((one) => one.id === id))
    .map((id) => `recovery key ${id} is in the configuration but not in the repository, or was removed`);
}
