import { HoldfastError } from '../../core/errors.ts';
import { parseBackupKey } from '../../core/ids.ts';
import { parseExpiredKey } from '../../format/expired.ts';
import type { Manifest } from '../../format/manifest.ts';
import { isReportKey } from '../../format/report.ts';
import { objectState } from '../../repository/documents/quarantine.ts';
import type { Repository } from '../../repository/repository.ts';
import { parseReason } from '../retention/hold.ts';

/** An object that was put aside. */
export interface QuarantineResult {
  readonly object: string;
  /** What is wrong with it. */
  readonly problem: string;
  readonly reason: string;
  /** Path of the report. */
  readonly report: string;
}

/**
 * Puts aside a manifest or report that cannot be trusted, after somebody looked at it: it no longer names
 * packs, holds backups, or blocks a prune or rekey. Only in its present state: if its bytes change, it no
 * longer counts as put aside.
 *
 * @param object its whole path
 * @throws E_USAGE for an object that can be trusted, that is not a manifest or report, or without a reason;
 * E_NEWER_FORMAT for what a newer release wrote, E_WRONG_KEY for what this repository's newer key sealed;
 * E_OBJECT_NOT_FOUND, E_NO_KEY, E_STORE_*
 */
export async function quarantineObject(
  repository: Repository,
  object: string,
  options: { readonly reason: string; readonly signal: AbortSignal },
): Promise<QuarantineResult> {
  const { signal } = options;
  const reason = parseReason(options.reason);
  repository.context.keys.provider();
  const state = await objectState(repository.store, object, signal);
  const problem = await problemOf(repository, object, signal);
  if (!problem) {
    throw new HoldfastError('E_USAGE', `Holdfast wrote ${object}: there is no reason to put it aside`, {
      hint: 'Retention removes backups that are no longer wanted; `holdfast release` ends a hold.',
    });
  }
  if (problem.code === 'E_NEWER_FORMAT') throw problem;
  const { wanted } = problem.details;
  if (problem.code === 'E_WRONG_KEY' && typeof wanted === 'string')
    if (await repository.wasReplacedBy(wanted, signal)) throw problem;
  const body = { object, state, reason };
  const report = await repository.reports.write('quarantine', { backups: [], body }, signal);
  return { object, problem: problem.message, reason, report };
}

/** Not knowing its packs is a problem of a backup as well. */
async function problemOfList(
  { lists }: Repository,
  manifest: Manifest,
  signal: AbortSignal,
): Promise<HoldfastError | undefined> {
  for await (const group of lists.walk(manifest, { signal })) if ('problem' in group) return group.problem;
  return undefined;
}

async function problemOf(
  repository: Repository,
  object: string,
  signal: AbortSignal,
): Promise<HoldfastError | undefined> {
  const backup = parseBackupKey(object)?.key ?? parseExpiredKey(object);
  if (backup !== undefined) {
    const read = () => repository.store.get(object, { signal });
    const { manifest, problem } = await repository.inspect(backup, read, signal);
    return problem ?? (manifest && problemOfList(repository, manifest, signal));
  }
  if (isReportKey(object))
    return (await repository.reports.open(object, repository.clock.now(), signal)).problem;
  throw new HoldfastError('E_USAGE', `'${object}' is not the path of a manifest or report`, {
    hint: 'Give the whole path, as messages show it: backups/… or reports/….',
  });
}
