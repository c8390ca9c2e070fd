import type { BackupKey } from '../../core/ids.ts';
import { isDocumentProblem } from '../../format/authenticated-json.ts';
import { type Body, parseBody } from '../../format/report-bodies.ts';
import { isAfter, madeAt } from '../../repository/documents/reports.ts';
import type { StoredReport } from '../../repository/documents/stored-report.ts';
import type { Repository } from '../../repository/repository.ts';
import type { VerifyDepth } from './verify-depth.ts';

/**
 * Those of the backups that no verification since `since` found whole at this depth, in their order. All
 * parts of a subset together are as good as `full`. If one found damage, only later ones count.
 *
 * @throws E_STORE_*
 */
export async function notVerifiedSince(
  repository: Repository,
  keys: readonly BackupKey[],
  options: { readonly since: Date; readonly depth: VerifyDepth; readonly signal: AbortSignal },
): Promise<BackupKey[]> {
  const { since, depth, signal } = options;
  // Damage that was found before no longer counts: whatever passes here came after it.
  const looks = await Array.fromAsync(looksAtBackups(repository, since, signal));
  const passed = (key: BackupKey) => {
    const looked = looks.filter(({ stored }) => stored.report?.backups.includes(key));
    const [found, clean] = partition(looked, ({ body }) => body.damaged.includes(key));
    return clean.filter(
      ({ stored }) => madeAt(stored) >= since && found.every((damage) => isAfter(stored, damage.stored)),
    );
  };
  return keys.filter(
    (key) =>
      !isReached(
        depth,
        passed(key).map(({ body }) => body.depth),
      ),
  );
}

interface Look {
  readonly stored: StoredReport;
  readonly body: Body<'verify'>;
}

async function* looksAtBackups(
  repository: Repository,
  since: Date,
  signal: AbortSignal,
): AsyncGenerator<Look> {
  for await (const stored of repository.reports.readAll(['verify'], signal, since)) {
    const body = stored.problem ? undefined : stored.report && readBody(stored.report);
    if (body) yield { stored, body };
  }
}

function partition<T>(all: readonly T[], isFirst: (one: T) => boolean): [T[], T[]] {
  return [all.filter(isFirst), all.filter((one) => !isFirst(one))];
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
  return done.some(({ kind, part, of }) => kind === wanted.kind && part === wanted.part && of === wanted.of);
}

/** A full verification, or every part of a subset. */
function isWhole(done: readonly Done[]): boolean {
  if (done.some(({ kind }) => kind === 'full')) return true;
  const subsets = done.filter(({ kind }) => kind === 'subset');
  const counts = new Set(subsets.flatMap(({ of }) => of ?? []));
  return [...counts].some((of) => {
    const parts = new Set(subsets.filter((one) => one.of === of).map(({ part }) => part));
    return parts.size >= of;
  });
}
