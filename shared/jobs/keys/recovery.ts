import { HoldfastError } from '../../core/errors.ts';
import { isDocumentProblem } from '../../format/authenticated-json.ts';
import type { Manifest } from '../../format/manifest.ts';
import { RECOVERY_WRAPS } from '../../format/recovery-file.ts';
import type { RecoveryKey } from '../../keys/recovery-key.ts';
import type { AnyRunKeyEntry, RunKeyEntry } from '../../repository/keys/key-ring.ts';
import {
  type KnownRecoveryKey,
  putRecoveryKey,
  putRecoveryRemoval,
  readRecoveryKeys,
} from '../../repository/keys/recovery-keys.ts';
import { canExport, type KeyToWrap, rootsToWrap, wrapAll } from '../../repository/keys/recovery-wraps.ts';
import type { Repository } from '../../repository/repository.ts';
import { keysOfChanges } from '../changes/keys-of-changes.ts';
import { type BackupKeys, checkKeys } from './keys.ts';
import { manifestsOf, neededKey } from './recovery-keys-needed.ts';

/** What was done about recovery keys. */
export interface RecoveryResult {
  readonly location: string;
  readonly repositoryId: string;
  /** Ids of the affected recovery keys. */
  readonly recoveryKeys: readonly string[];
  /** Number of objects that were put: keys that were not wrapped before. */
  readonly wrapped: number;
  /** Listed backups that are covered. */
  readonly backups: number;
  /**
   * Number of those whose manifest is damaged, or under a key that the configured one does not open: nothing
   * was wrapped for them.
   */
  readonly damaged: number;
}

/**
 * Before a recovery key is made: checks that the configured key opens every listed backup, so that all can be
 * wrapped.
 *
 * @throws E_NO_KEY, E_WRONG_KEY
 */
export async function refuseLocked(repository: Repository, signal: AbortSignal): Promise<void> {
  const { rootKeyId } = repository.context.keys.provider();
  const { backups } = await checkKeys(repository, signal);
  const locked = backups.find(({ state }) => state === 'locked');
  if (!locked) return;
  throw new HoldfastError(
    'E_WRONG_KEY',
    `the configured key ${rootKeyId} does not open ${locked.key}, so a recovery key would not either`,
    { hint: 'Configure the newest key of the repository; `holdfast keys` lists the keys in use.' },
  );
}

/**
 * Makes a new key, whose private half is on its sheet, a recovery key of the repository: puts its public
 * half, and wraps to it what every listed backup and change segment needs. From the first put on, every later backup wraps too;
 * `completeRecovery` finishes an interrupted run.
 *
 * @param open opens the repository with the private half: proves that it opens every backup
 * @throws E_WRONG_KEY if it does not; E_STORE_*, E_KEY_*
 */
export async function addRecoveryKey(
  repository: Repository,
  recoveryKey: RecoveryKey,
  { open, signal }: { readonly open: () => Promise<Repository>; readonly signal: AbortSignal },
): Promise<RecoveryResult> {
  await putRecoveryKey(repository.context, recoveryKey, signal);
  const result = await completeRecovery(repository, signal, recoveryKey.id);
  await using recovered = await open();
  const { backups } = await checkKeys(recovered, signal);
  const closed = backups.find(({ state }) => state === 'locked');
  const opens = backups.filter(({ state }) => state === 'opens').length;
  if (!closed && opens >= result.backups) return result;
  throw notProven(recoveryKey.id, closed);
}

/**
 * Wraps what is not wrapped yet: to every recovery key, or to the named one. Puts each object on its own, so
 * that it can stop anywhere and run again.
 *
 * @throws E_USAGE if there is no such recovery key; E_STORE_*, E_KEY_*
 */
export async function completeRecovery(
  repository: Repository,
  signal: AbortSignal,
  only?: string,
): Promise<RecoveryResult> {
  const { context } = repository;
  const { active } = await readRecoveryKeys(context, signal);
  const keys = active.filter(({ id }) => only === undefined || id === only);
  if (keys.length === 0) throw noRecoveryKey(only, active);
  const { wanted, backups, damaged } = await keysToWrap(repository, signal);
  let wrapped = 0;
  for (const recoveryKey of keys) wrapped += await wrapAll(context, recoveryKey, { wanted, signal });
  return {
    location: repository.store.location,
    repositoryId: repository.id,
    recoveryKeys: keys.map(({ id }) => id),
    wrapped,
    backups,
    damaged,
  };
}

/** Everything that listed backups and change segments need, each key once. */
async function keysToWrap(repository: Repository, signal: AbortSignal) {
  const { context } = repository;
  const wanted = new Map<string, KeyToWrap>();
  const add = (key: KeyToWrap) => wanted.set(`${key.run}/${key.purpose}/${key.wrapped}`, key);
  for (const root of rootsToWrap(context.keys.provider().providers)) add(root);
  const isExported = canExport(context);
  let backups = 0;
  let damaged = 0;
  for await (const { manifest } of manifestsOf(repository, signal)) {
    const keys = manifest && (isExported ? [] : await keysOf(repository, manifest, signal));
    if (keys) backups++;
    else damaged++;
    for (const entry of keys ?? []) add(toWrap(repository, entry));
  }
  for (const entry of isExported ? [] : await entriesOfChanges(repository, signal))
    add(toWrap(repository, entry));
  return { wanted: [...wanted.values()], backups, damaged };
}

/** Of what is damaged nothing can be wrapped. Segments of a day have the same keys. */
async function entriesOfChanges(
  repository: Repository,
  signal: AbortSignal,
): Promise<readonly AnyRunKeyEntry[]> {
  const entries = new Map<string, AnyRunKeyEntry>();
  for await (const keys of keysOfChanges(repository, signal))
    for (const entry of keys ?? []) entries.set(entry.wrapped, entry);
  return [...entries.values()];
}

/** Undefined if its pack list is damaged. @throws E_STORE_* */
async function keysOf(
  { lists }: Repository,
  manifest: Manifest,
  signal: AbortSignal,
): Promise<readonly RunKeyEntry[] | undefined> {
  try {
    return (await lists.all(manifest, signal)).keys;
  } catch (error) {
    if (!isDocumentProblem(error)) throw error;
    return undefined;
  }
}

function toWrap({ context }: Repository, entry: AnyRunKeyEntry): KeyToWrap {
  return { ...neededKey(entry), open: (signal) => context.keys.unwrap(entry, signal) };
}

/**
 * Removes a recovery key: nothing is wrapped to it any more, and wrapped keys are removed as far as the store
 * allows. Somebody who has copied those, and has the sheet, can still open them. Repeatable.
 *
 * @throws E_USAGE if there is no such recovery key; E_STORE_*
 */
export async function removeRecoveryKey(
  repository: Repository,
  id: string,
  signal: AbortSignal,
): Promise<{ readonly location: string; readonly recoveryKey: string; readonly removed: number }> {
  const { context, store } = repository;
  context.keys.provider();
  const { active, removed: before } = await readRecoveryKeys({ ...context, recoveryKeys: [] }, signal);
  const known = [...active, ...before];
  if (!known.some((one) => one.id === id)) throw noRecoveryKey(id, known);
  await putRecoveryRemoval(context, id, signal);
  let removed = 0;
  for await (const { key } of store.list(`${RECOVERY_WRAPS}${id}/`, { signal })) {
    await store.delete(key, { signal });
    removed++;
  }
  return { location: store.location, recoveryKey: id, removed };
}

function noRecoveryKey(id: string | undefined, known: readonly KnownRecoveryKey[]): HoldfastError {
  const there = known.map((one) => one.id).join(', ');
  return new HoldfastError(
    'E_USAGE',
    id === undefined ? 'the repository has no recovery key' : `the repository has no recovery key ${id}`,
    {
      hint: there === '' ? 'Make one: `holdfast rekey --add-recovery --sheet FILE`.' : `It has ${there}.`,
    },
  );
}

function notProven(id: string, closed: BackupKeys | undefined): HoldfastError {
  const what = closed
    ? `${closed.key}: ${closed.problem ?? ''}`
    : 'every backup that the configured key opens';
  return new HoldfastError('E_WRONG_KEY', `recovery key ${id} does not open ${what}`, {
    hint: `Perhaps backups were made meanwhile: run \`holdfast rekey --complete-recovery\`, then \`holdfast recover --check\` with the sheet.`,
  });
}
