import { randomBytes } from 'node:crypto';
import { throwIfAborted } from '../../core/abort.ts';
import { type ErrorCode, HoldfastError, isHoldfastError } from '../../core/errors.ts';
import type { BackupKey } from '../../core/ids.ts';
import type { OnProgress } from '../../core/progress.ts';
import { MINUTE_MS } from '../../core/units.ts';
import type { Repository } from '../../repository/repository.ts';
import type { SchemaComparison, Scratch, ScratchServer } from '../../sources/scratch.ts';
import { contentsOf } from '../restore/contents.ts';
import { type RestoreResult, refuseFailures, restoreAndCompare } from '../restore/restore.ts';
import type { DrilledBackupInPlace, MomentReport } from './drill-moment.ts';
import { type DrilledBackup, writeDrillReport } from './drill-report.ts';
import type { DrillResult } from './drill-result.ts';

/** How a drill is run. */
export interface DrillOptions {
  /** Partitions and indexes at once. */
  readonly jobs?: number | undefined;
  /** Keep the scratch target, for inspection. */
  readonly keep?: boolean;
  /** Who asked for it. @default not known: somebody at a command line */
  readonly by?: string | undefined;
  /** Whether to sign the report if there is a signing key. @default true */
  readonly signs?: boolean;
  /** The source's locations, besides what the backup calls it: a drill on the same server gives a warning. */
  readonly locations?: readonly string[] | undefined;
  /** Restores a random moment after the backup too, if changes are stored: `drillMoment` of drill-moment.ts. @default only the backup */
  readonly restoreMoment?: ((about: DrilledBackupInPlace) => Promise<MomentReport | undefined>) | undefined;
  readonly onProgress?: OnProgress;
  readonly signal: AbortSignal;
}

/** What is known of a drill in progress. */
interface Course {
  backup: DrilledBackup | undefined;
  scratch: Scratch | undefined;
  restored: RestoreResult | undefined;
  schema: SchemaComparison | undefined;
  moment: MomentReport | undefined;
}

/** Longest time to remove the scratch target, also after a stop. */
const REMOVE_MS = 2 * MINUTE_MS;

/**
 * Restores a backup into a place made for it, compares all of it with the backup, removes the place, and
 * records the result. Any failure on the way is an outcome, and in the report too.
 *
 * @throws E_ABORTED, with the place removed and no report; E_USAGE if the server is of another kind;
 * E_NO_KEY, E_STORE_* if the report cannot be written
 */
export async function runDrill(
  repository: Repository,
  key: BackupKey,
  server: ScratchServer,
  options: DrillOptions,
): Promise<DrillResult> {
  const { signal, onProgress = () => {} } = options;
  const startedAt = repository.clock.now();
  const course: Course = {
    backup: undefined,
    scratch: undefined,
    restored: undefined,
    schema: undefined,
    moment: undefined,
  };
  let error: HoldfastError | undefined;
  let removal: string | undefined;
  try {
    await restoreToScratch(repository, key, server, { ...options, onProgress }, course);
  } catch (problem) {
    if (signal.aborted || isOfCaller(problem)) throw problem;
    error = asKnown(problem);
  } finally {
    removal = await leave(course.scratch, { keep: options.keep === true && !signal.aborted, onProgress });
  }
  const drill = { key, ...describe(course, error), removal };
  const { by, signs = true } = options;
  const asked = { by, startedAt, backup: course.backup, moment: course.moment, signs };
  const onUnsigned = (why: string) =>
    onProgress({ kind: 'warning', code: 'drill', message: `the report is not signed: ${why}` });
  return { ...drill, report: await writeDrillReport(repository, drill, { ...asked, onUnsigned, signal }) };
}

async function restoreToScratch(
  repository: Repository,
  key: BackupKey,
  server: ScratchServer,
  {
    jobs,
    locations = [],
    restoreMoment,
    signal,
    onProgress,
  }: DrillOptions & { readonly onProgress: OnProgress },
  course: Course,
): Promise<void> {
  const onWarning = (message: string) => onProgress({ kind: 'warning', code: 'drill', message });
  const reader = await repository.openBackup(key, signal);
  const { source } = reader.manifest;
  course.backup = { source, manifestSha256: (await repository.inspectManifest(key, signal)).sha256 };
  if (source.kind !== server.kind) {
    throw new HoldfastError(
      'E_USAGE',
      `${key} is from a ${source.kind} source, but ${server.name} is for ${server.kind}`,
      {
        hint: `Configure drill.${source.kind}, or give --server.`,
      },
    );
  }
  if ([source.name, ...locations].some((name) => server.isServerOf(name))) onWarning(server.sharedWarning);
  onProgress({ kind: 'phase', phase: 'scratch' });
  const contents = contentsOf(reader);
  const mark = {
    repository: repository.id,
    run: randomBytes(16).toString('hex'),
    at: repository.clock.now(),
  };
  const scratch = await server.make(contents, mark, { onWarning, signal });
  course.scratch = scratch;
  course.restored = await restoreAndCompare(repository, key, scratch.target, {
    ...scratch.restoreOptions,
    ...(jobs === undefined ? {} : { jobs }),
    onProgress,
    signal,
  });
  refuseFailures(course.restored, scratch.target);
  onProgress({ kind: 'phase', phase: 'compare-schema' });
  course.schema = await scratch.compareSchema(contents, signal);
  throwIfAborted(signal);
  const restored = course.restored.plan.compare;
  const place = { repository, manifest: reader.manifest, scratch, restored, onProgress, signal };
  if (restoreMoment && reader.manifest.changes) course.moment = await restoreMoment(place);
}

/** Errors that say nothing about the backup or where it was restored: there was no drill. */
function isOfCaller(problem: unknown): boolean {
  const codes: readonly ErrorCode[] = ['E_USAGE', 'E_CONFIG', 'E_NO_BACKUP', 'E_NO_KEY', 'E_WRONG_KEY'];
  return isHoldfastError(problem) && codes.includes(problem.code);
}

/** Advice for a restore into somebody's own database does not fit a drill. */
function asKnown(problem: unknown): HoldfastError {
  if (!isHoldfastError(problem))
    return new HoldfastError('E_INTERNAL', problem instanceof Error ? problem.message : String(problem), {
      cause: problem,
    });
  if (!problem.hint?.includes('--')) return problem;
  const { code, message, details } = problem;
  const hint = 'Nothing is left of it: fix the cause, and run the drill again.';
  return new HoldfastError(code, message, { cause: problem, details, hint });
}

/** Removes the place, also after a stop; returns the command that removes it, if it still exists. */
async function leave(
  scratch: Scratch | undefined,
  { keep, onProgress }: { readonly keep: boolean; readonly onProgress: OnProgress },
): Promise<string | undefined> {
  if (!scratch) return undefined;
  const bounded = AbortSignal.timeout(REMOVE_MS);
  try {
    onProgress({ kind: 'phase', phase: 'remove' });
    await (keep ? scratch.keep(bounded) : scratch.remove(bounded));
    return keep ? scratch.removal : undefined;
  } catch (error) {
    const why = error instanceof Error ? error.message : String(error);
    const message = `${scratch.name} could not be ${keep ? 'marked as kept' : 'removed'}, and holds what was restored: ${why}`;
    onProgress({ kind: 'warning', code: 'drill', message });
    return scratch.removal;
  } finally {
    await scratch.close();
  }
}

function describe(
  { scratch, restored, schema, moment: said }: Omit<Course, 'backup'>,
  error: HoldfastError | undefined,
) {
  const comparison = restored?.comparison ?? [];
  const moment = said?.moment;
  const isSame =
    schema?.outcome !== 'different' &&
    moment?.outcome !== 'different' &&
    comparison.every(({ equal }) => equal);
  const compared = new Set(comparison.map(({ dataset }) => dataset));
  const passedOver = (restored?.plan.datasets ?? []).filter(
    ({ kind, name }) => kind === 'data' && !compared.has(name),
  );
  return {
    outcome: error || !schema ? ('failed' as const) : isSame ? ('equal' as const) : ('different' as const),
    target: scratch?.name,
    server: scratch?.server,
    restoreMs: restored?.restoreMs ?? 0,
    compareMs: restored?.compareMs ?? 0,
    records: comparison.reduce((sum, { backupRecords }) => sum + backupRecords, 0),
    plainBytes: restored?.plainBytes ?? 0,
    comparison,
    schema,
    moment,
    leftOut: [
      ...(scratch?.leftOut ?? []),
      ...passedOver.map(({ name }) => `${name}: restored, but not compared`),
      ...(schema?.why === undefined ? [] : [schema.why]),
      ...(said?.leftOut ?? []),
    ],
    error,
  };
}
