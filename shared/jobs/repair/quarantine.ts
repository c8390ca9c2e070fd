import { HoldfastError } from '../../core/errors.ts';
import { parseBackupKey } from '../../core/ids.ts';
import { parseExpiredKey } from '../../format/expired.ts';
import type { Manifest } from '../../format/manifest.ts';
import { isReportKey } from '../../format/report.ts';
import { objectState } from '../../repository/documents/quarantine.ts';
import type { Repository } from '../../repository/repository.ts';
import { parseReason } from '../retention/hold.ts';

export interface QuarantineResult {
  readonly object: string;
  /** What is wrong with it. */
  readonly problem: string;
  readonly reason: string;
  /** Key of the report that says so. */
  readonly report: string;
}

/**
 * Puts aside a manifest or report that cannot be relied on, after somebody looked at it: it names no packs any more, is no
 * hold, and stands in no prune's or rekey's way. Only as it is now: if its bytes change, it was not put aside.
 *
 * @param object its whole key
 * @throws E_USAGE for what can be relied on, for what is no manifest or report, and without a reason; E_NEWER_FORMAT for what a
 *   newer release wrote, E_WRONG_KEY for what this repository's newer key sealed; E_OBJECT_NOT_FOUND, E_NO_KEY, E_STORE_*
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
    throw new HoldfastError(
      'E_USAGE',
      `${object} is what Holdfast wrote: there is no reason to put it aside`,
      {
        hint: 'Backups that are not wanted any more go by retention; `holdfast release` ends a hold.',
      },
    );
  }
  if (problem.code === 'E_NEWER_FORMAT') throw problem;
  const { wanted } = problem.details;
  if (problem.code === 'E_WRONG_KEY' && typeof wanted === 'string')
    if (await repository.wasReplacedBy(wanted, signal)) throw problem;
  const body = { object, state, reason };
  const report = await repository.reports.write('quarantine', { backups: [], body }, signal);
  return { object, problem: problem.message, reason, report };
}

/** That its packs are not known is a problem of a backup as well. */
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
  throw new HoldfastError('E_USAGE', `'${object}' is no key of a manifest or report`, {
    hint: 'Give the whole key, as messages name it: backups/… or reports/….',
  });
}
