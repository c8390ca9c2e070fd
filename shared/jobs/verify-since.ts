import type { BackupKey } from '../core/ids.ts';
import { isDocumentProblem } from '../format/authenticated-json.ts';
import { type Body, parseBody } from '../format/report-bodies.ts';
import type { StoredReport } from '../repository/reports.ts';
import type { Repository } from '../repository/repository.ts';
import type { VerifyDepth } from './verify.ts';

/**
 * Those of the backups that no verification stored since `since` (by the store's clock) found whole at this depth, in
 * their order. All parts of a subset together are as good as `full`. Where one found damage, only those after it count.
 *
 * @throws E_STORE_*
 */
export async function notVerifiedSince(
  repository: Repository,
  keys: readonly BackupKey[],
  options: { readonly since: Date; readonly depth: VerifyDepth; readonly signal: AbortSignal },
): Promise<BackupKey[]> {
  const { since, depth, signal } = options;
  const passed = new Map<string, Body<'verify'>['depth'][]>();
  const reports = await Array.fromAsync(repository.reports.read('verify', signal));
  reports.sort((a, b) => a.storedAt.getTime() - b.storedAt.getTime());
  for (const report of reports) if (report.storedAt >= since) note(passed, report);
  return keys.filter((key) => !isReached(depth, passed.get(key) ?? []));
}

function note(passed: Map<string, Body<'verify'>['depth'][]>, { report, problem }: StoredReport): void {
  const body = problem ? undefined : report && readBody(report);
  if (!report || !body) return;
  for (const key of report.backups) {
    if (body.damaged.includes(key)) passed.delete(key);
    else passed.set(key, [...(passed.get(key) ?? []), body.depth]);
  }
}

function readBody(report: NonNullable<StoredReport['report']>): Body<'verify'> | undefined {
  try {
    return parseBody('verify', report);
  } catch (error) {
    if (!isDocumentProblem(error)) throw error;
    return undefined;
  }
}

type Done = Body<'verify'>['depth'];

function isReached(wanted: VerifyDepth, done: readonly Done[]): boolean {
  if (isWhole(done)) return true;
  if (wanted.kind === 'quick') return done.some(({ kind }) => kind === 'quick');
  if (wanted.kind === 'full') return false;
  return done.some(({ kind, part, of }) => kind === 'subset' && part === wanted.part && of === wanted.of);
}

/** A full verification, or every part of a subset. */
function isWhole(done: readonly Done[]): boolean {
  if (done.some(({ kind }) => kind === 'full')) return true;
  const counts = new Set(done.flatMap(({ of }) => of ?? []));
  return [...counts].some((of) => {
    const parts = new Set(done.filter((one) => one.of === of).map(({ part }) => part));
    return parts.size >= of;
  });
}
