import { HoldfastError, isHoldfastError } from '../../core/errors.ts';
import { parallel } from '../../core/parallel.ts';
import { isDocumentProblem } from '../../format/authenticated-json.ts';
import {
  checkRecovery,
  encodeRecoveryWrap,
  type KeyToName,
  parseRecoveryWrap,
  type RecoveryWrapFile,
  recoveryWrapName,
} from '../../format/recovery-file.ts';
import type { KeyProvider } from '../../keys/key-provider.ts';
import { wrapToRecoveryKey } from '../../keys/recovery-key.ts';
import { headIfThere, putIfAbsent } from '../../store/if-there.ts';
import type { RepositoryContext } from '../context.ts';
import type { AnyRunKeyEntry } from './key-ring.ts';
import { type KnownRecoveryKey, readRecoveryKeys } from './recovery-keys.ts';

/** Objects put at once. */
const PUTS = 8;

/** A key that a restore needs. */
export interface KeyToWrap extends KeyToName {
  /** Called only if it must be wrapped: it may call KMS. */
  open(signal: AbortSignal): Promise<Uint8Array>;
}

/**
 * Before a backup is listed: wraps the keys that a restore needs to every recovery key. Root keys that can be
 * exported are wrapped themselves, once; for others (KMS), the run's own keys are.
 *
 * @returns problems. A backup that the recovery key does not open is better than none.
 */
export async function wrapForRecovery(
  context: RepositoryContext,
  made: readonly { readonly entry: AnyRunKeyEntry; readonly plain: Uint8Array }[],
  signal: AbortSignal,
): Promise<readonly string[]> {
  try {
    const { active, problems } = await readRecoveryKeys(context, signal);
    for (const recoveryKey of active) {
      const roots = rootsToWrap(context.keys.provider().providers);
      for (const key of roots)
        if (!(await headIfThere(recoveryWrapName(recoveryKey.id, key), context.store, signal)))
          await putWrap(context, { recoveryKey, key }, signal);
      if (canExport(context)) continue;
      await parallel(made, { most: PUTS, signal }, ({ entry, plain }) =>
        putWrap(context, { recoveryKey, key: { ...entry, open: async () => plain } }, signal),
      );
    }
    return problems;
  } catch (error) {
    if (!isHoldfastError(error) || error.code === 'E_ABORTED') throw error;
    return [`a recovery key will not open this backup: ${error.message} (${error.code})`];
  }
}

/** For each root key that can be exported. */
export function rootsToWrap(providers: readonly KeyProvider[]): KeyToWrap[] {
  return providers.flatMap((provider) => {
    const plain = provider.exportRootKey();
    const { rootKeyId: run } = provider;
    return plain ? [{ run, purpose: 'root', wrapped: '', open: async () => plain } as const] : [];
  });
}

/** Whether all root keys can be wrapped themselves. */
export function canExport({ keys }: Pick<RepositoryContext, 'keys'>): boolean {
  const { providers } = keys.provider();
  return rootsToWrap(providers).length === providers.length;
}

/**
 * Wraps all of `wanted`; replaces existing objects that Holdfast did not write.
 *
 * @returns how many were put. @throws E_STORE_*, E_KEY_*, E_DAMAGED
 */
export async function wrapAll(
  context: RepositoryContext,
  recoveryKey: KnownRecoveryKey,
  { wanted, signal }: { readonly wanted: readonly KeyToWrap[]; readonly signal: AbortSignal },
): Promise<number> {
  let put = 0;
  await parallel(wanted, { most: PUTS, signal }, async (key) => {
    const wrapping = { recoveryKey, key };
    const found = await look(context, wrapping, signal);
    if (found === 'wrapped') return;
    if (found === 'other') await context.store.delete(recoveryWrapName(recoveryKey.id, key), { signal });
    await putWrap(context, wrapping, signal);
    put++;
  });
  return put;
}

interface Wrapping {
  readonly recoveryKey: KnownRecoveryKey;
  readonly key: KeyToWrap;
}

/** `other`: not written by Holdfast, or changed. */
async function look(
  context: RepositoryContext,
  { recoveryKey, key }: Wrapping,
  signal: AbortSignal,
): Promise<'wrapped' | 'other' | 'nothing'> {
  try {
    await readWrap(context, recoveryWrapName(recoveryKey.id, key), signal);
    return 'wrapped';
  } catch (error) {
    if (isHoldfastError(error, 'E_OBJECT_NOT_FOUND')) return 'nothing';
    if (isDocumentProblem(error)) return 'other';
    throw error;
  }
}

interface WrapReader extends Pick<RepositoryContext, 'store' | 'secret'> {
  readonly file: Pick<RepositoryContext['file'], 'id'>;
}

/** @throws E_OBJECT_NOT_FOUND, E_DAMAGED if Holdfast did not write it */
export async function readWrap(
  { store, file, secret }: WrapReader,
  key: string,
  signal: AbortSignal,
): Promise<RecoveryWrapFile> {
  const bytes = await store.get(key, { signal });
  const wrap = parseRecoveryWrap(bytes, key);
  checkRecovery(bytes, wrap, { repository: file.id, secret: await secret(signal), kind: 'wraps' });
  return wrap;
}

/** @throws E_DAMAGED if something else is there */
async function putWrap(context: RepositoryContext, wrapping: Wrapping, signal: AbortSignal): Promise<void> {
  const { recoveryKey, key: toWrap } = wrapping;
  const { run, purpose } = toWrap;
  const repository = context.file.id;
  const key = recoveryWrapName(recoveryKey.id, toWrap);
  const plain = await toWrap.open(signal);
  const wrap = wrapToRecoveryKey(recoveryKey.publicKey, plain, { repository, run, purpose });
  const body = { repository, key, run, purpose, ...wrap };
  const bytes = encodeRecoveryWrap(body, await context.secret(signal));
  if (await putIfAbsent(key, bytes, context.store, { signal })) return;
  // The answer to the first try was lost, or another process was faster.
  if ((await look(context, wrapping, signal)) === 'wrapped') return;
  throw new HoldfastError('E_DAMAGED', `${key} exists, but Holdfast did not write it`, {
    hint: 'Run `holdfast rekey --complete-recovery`, which replaces it.',
  });
}
