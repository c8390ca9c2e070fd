import { randomBytes } from 'node:crypto';
import { HoldfastError, isHoldfastError } from '../../core/errors.ts';
import type { BackupKey } from '../../core/ids.ts';
import { plural } from '../../core/plural.ts';
import { MINUTE_MS } from '../../core/units.ts';
import type { Repository } from '../../repository/repository.ts';
import { isScratchName, type Scratch, type ScratchServer } from '../../sources/scratch.ts';
import type { RestorePlan } from '../../sources/target.ts';
import { contentsOf, selectDatasets } from './contents.ts';
import { type RestoreJobOptions, type RestoreResult, restoreBackup } from './restore.ts';

/** Longest time to remove what a restore has made, also after a stop. */
const REMOVE_MS = 2 * MINUTE_MS;
/** A name that every kind of server takes unchanged: for a database, a node, a folder. */
const NAME = /^[A-Za-z][A-Za-z0-9_-]{0,62}$/;

/** A database that a restore is to make. */
export interface NewPlace {
  readonly server: ScratchServer;
  /** Name of the new database. */
  readonly name: string;
}

/**
 * What restoring into a new database would do. A name that is taken is a conflict; nothing is ever replaced
 * here.
 *
 * @throws E_USAGE for a name that no database may have, or a server of another kind; E_SOURCE_*, E_STORE_*
 */
export async function planRestoreToNew(
  repository: Repository,
  key: BackupKey,
  { server, name }: NewPlace,
  { datasets, signal }: Pick<RestoreJobOptions, 'datasets' | 'signal'>,
): Promise<RestorePlan> {
  checkName(name);
  const reader = await repository.openBackup(key, signal);
  refuseOtherKind(key, reader.manifest.source.kind, server);
  const contents = contentsOf(reader);
  const chosen = datasets === undefined ? contents.datasets : selectDatasets(contents, datasets);
  const data = chosen.filter(({ kind }) => kind === 'data');
  return {
    target: `${name} on ${server.name}`,
    datasets: data,
    compare: data,
    steps: [
      `make the database ${name} on ${server.name}`,
      `restore ${plural(data.length, 'dataset')} into it`,
      'read it back, and compare every dataset with the backup',
    ],
    conflicts: await server.inTheWayOf(name, signal),
    drops: [],
    warnings: [],
  };
}

/**
 * Makes a database, restores into it and compares. A complete or different result is left for inspection; an
 * interrupted one is removed again, as nobody else had anything there.
 *
 * @throws E_TARGET_NOT_EMPTY if the name is taken, nothing changed; what `restoreBackup` throws
 */
export function restoreToNew(
  repository: Repository,
  key: BackupKey,
  place: NewPlace,
  options: RestoreJobOptions,
): Promise<RestoreResult> {
  return inNewPlace(repository, key, place, options, (scratch) =>
    restoreBackup(repository, key, scratch.target, { ...options, ...scratch.restoreOptions }),
  );
}

/**
 * Makes a database for a backup, and has something done in it: as `restoreToNew`.
 *
 * @param work restores into the scratch; its error decides whether the database stays
 */
export async function inNewPlace<T>(
  repository: Repository,
  key: BackupKey,
  { server, name }: NewPlace,
  options: Pick<RestoreJobOptions, 'onProgress' | 'signal'>,
  work: (scratch: Scratch) => Promise<T>,
): Promise<T> {
  checkName(name);
  const { signal, onProgress = () => {} } = options;
  const onWarning = (message: string) => onProgress({ kind: 'warning', code: 'new-database', message });
  const reader = await repository.openBackup(key, signal);
  refuseOtherKind(key, reader.manifest.source.kind, server);
  const [taken] = await server.inTheWayOf(name, signal);
  if (taken !== undefined)
    throw new HoldfastError('E_TARGET_NOT_EMPTY', `${taken} is in the way; nothing was changed`, {
      hint: 'Choose another name for the new database.',
    });
  onProgress({ kind: 'phase', phase: 'scratch' });
  const mark = {
    repository: repository.id,
    run: randomBytes(16).toString('hex'),
    at: repository.clock.now(),
    name,
  };
  const scratch = await server.make(contentsOf(reader), mark, { onWarning, signal });
  try {
    for (const message of scratch.leftOut) onWarning(`not as in the backup: ${message}`);
    const result = await work(scratch);
    await scratch.keep(signal);
    return result;
  } catch (error) {
    throw await leave(scratch, error, onWarning);
  } finally {
    await scratch.close();
  }
}

/** Returns the error to end with, which says what happened to the new database. */
async function leave(
  scratch: Scratch,
  error: unknown,
  onWarning: (message: string) => void,
): Promise<unknown> {
  const bounded = AbortSignal.timeout(REMOVE_MS);
  const isWorthALook =
    isHoldfastError(error, 'E_RESTORE_DIFFERS') || isHoldfastError(error, 'E_RESTORE_INCOMPLETE');
  try {
    await (isWorthALook ? scratch.keep(bounded) : scratch.remove(bounded));
  } catch (problem) {
    const why = problem instanceof Error ? problem.message : String(problem);
    onWarning(`${scratch.name} still exists: ${why}. Remove it with: ${scratch.removal}`);
    return error;
  }
  if (isWorthALook || !(error instanceof HoldfastError)) return error;
  const { code, message, details } = error;
  return new HoldfastError(code, message, {
    cause: error,
    details,
    hint: `The new database ${scratch.name} was removed again. Fix the cause, then restore again.`,
  });
}

function checkName(name: string): void {
  if (NAME.test(name) && !isScratchName(name)) return;
  throw new HoldfastError('E_USAGE', `a new database cannot be named '${name.slice(0, 80)}'`, {
    hint: "Give 1 to 63 of A-Z, a-z, 0-9, '_' and '-', beginning with a letter, and not the name of a drill.",
  });
}

function refuseOtherKind(key: BackupKey, kind: string, server: ScratchServer): void {
  if (kind === server.kind) return;
  throw new HoldfastError(
    'E_USAGE',
    `${key} is from a ${kind} source, but ${server.name} is for ${server.kind}`,
    {
      hint: `Name a target of kind ${kind}, on whose server to make the new database.`,
    },
  );
}
