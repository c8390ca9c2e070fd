import { isHoldfastError } from '../../core/errors.ts';
import type { BackupKey } from '../../core/ids.ts';
import type { OnProgress } from '../../core/progress.ts';
import { SECOND_MS } from '../../core/units.ts';
import { type AuditRecord, writeAudit } from '../../jobs/access/audit.ts';
import type { RestoreJobOptions, RestoreResult } from '../../jobs/restore/restore.ts';
import type { RestoreBody, RestoreRun, RestoreWay, TargetState } from '../schema/runs.ts';
import { problemOf } from '../server/api-error.ts';
import type { LocalBackendOptions } from './options.ts';
import { type RestorePlace, restoreOptions } from './restore-place.ts';
import type { Work } from './work.ts';

/** Longest time to record how a run ended, and to check what it has left. */
const LATE_MS = 30 * SECOND_MS;

/** A restore that was planned and confirmed. */
export interface RestoreToRun {
  readonly key: BackupKey;
  readonly place: RestorePlace;
  readonly body: RestoreBody;
  readonly by: string;
  readonly record: Omit<AuditRecord, 'by' | 'outcome'>;
}

/** The restore, as a run that reports its progress. */
export function restoreRun({ repository }: LocalBackendOptions, asked: RestoreToRun): Work {
  const { key, place, body, by, record } = asked;
  return async ({ id, onProgress, onRestore, signal }) => {
    // Also for a stopped run.
    const audit = (outcome: 'done' | 'failed', error?: string) =>
      writeAudit(repository, { ...record, by, outcome, run: id, error }, AbortSignal.timeout(LATE_MS));
    const course = new RestoreCourse(onProgress);
    onRestore(describe(body, null));
    try {
      const options = { ...restoreOptions(body, signal), onProgress: course.onProgress };
      course.wanted = (await place.plan(options)).datasets.map(({ name }) => name);
      const { moment, ...figures } = await place.restore(options, (result) => {
        course.result = result;
      });
      await audit('done');
      const { notCarried = [], ...applied } = moment ?? {};
      return { backup: key, result: { ...figures, ...applied, ...(moment ? { notCarried } : {}) } };
    } catch (error) {
      onRestore(await afterFailure(asked, course, error));
      await audit('failed', problemOf(error).problem.code).catch(() => {});
      throw error;
    }
  };
}

/** How far a restore got. */
class RestoreCourse {
  wanted: readonly string[] = [];
  readonly written = new Set<string>();
  phase = '';
  result: RestoreResult | undefined;
  readonly #pass: OnProgress;

  constructor(pass: OnProgress) {
    this.#pass = pass;
  }

  readonly onProgress: OnProgress = (event) => {
    if (event.kind === 'phase') this.phase = event.phase;
    if (event.kind === 'dataset' && this.phase === 'write') this.written.add(event.dataset);
    this.#pass(event);
  };

  /** Whether anything at the target may have changed. */
  get hasBegun(): boolean {
    return ['clear', 'write', 'finish', 'compare', 'apply'].includes(this.phase);
  }
}

function describe(body: RestoreBody, state: TargetState | null): RestoreRun {
  const { to = null, newDatabase = null, datasets = null, replace, merge, options = null } = body;
  const mode = replace ? 'replace' : merge ? 'merge' : 'empty';
  const { source, at = null, beforeTransaction = null } = body;
  const moment = source === undefined ? null : { source, at, beforeTransaction };
  return { to, newDatabase, datasets, mode, options, moment, state, missing: [], ways: [] };
}

async function afterFailure(
  { place, body }: RestoreToRun,
  course: RestoreCourse,
  error: unknown,
): Promise<RestoreRun> {
  const state = await stateAfter(place, body, { course, error });
  const missing = missingAfter(state, course);
  return {
    ...describe(body, state),
    missing,
    ways: waysAfter(state, missing, { place, body, course, error }),
  };
}

interface Failed {
  readonly course: RestoreCourse;
  readonly error: unknown;
}

/** From how far it got, and from a look at the target if that does not decide. */
async function stateAfter(
  place: RestorePlace,
  body: RestoreBody,
  { course, error }: Failed,
): Promise<TargetState> {
  if (isHoldfastError(error, 'E_RESTORE_DIFFERS')) return 'different';
  if (isHoldfastError(error, 'E_RESTORE_INCOMPLETE')) return 'incomplete';
  if (place.isNew) return course.phase === '' || course.phase === 'plan' ? 'untouched' : 'removed';
  if (!course.hasBegun || isHoldfastError(error, 'E_TARGET_NOT_EMPTY')) return 'untouched';
  if (course.phase === 'compare') return 'uncompared';
  return lookAt(
    place,
    restoreOptions({ ...body, replace: false, resume: false }, AbortSignal.timeout(LATE_MS)),
  );
}

async function lookAt(place: RestorePlace, options: RestoreJobOptions): Promise<TargetState> {
  try {
    return (await place.plan(options)).conflicts.length === 0 ? 'empty' : 'part';
  } catch {
    return 'unknown';
  }
}

function missingAfter(state: TargetState, { wanted, written, result }: RestoreCourse): string[] {
  if (state === 'part') return wanted.filter((name) => !written.has(name));
  const different = (result?.comparison ?? []).filter(({ equal }) => !equal).map(({ dataset }) => dataset);
  const failed = (result?.failures ?? []).flatMap(({ dataset }) => dataset ?? []);
  return [...new Set([...different, ...failed])];
}

/** Replaced targets need no space, and no free name. */
const CLEAN: readonly TargetState[] = ['untouched', 'empty', 'removed', 'unknown'];

function waysAfter(
  state: TargetState,
  missing: readonly string[],
  { place, body, course, error }: Failed & { readonly place: RestorePlace; readonly body: RestoreBody },
): RestoreWay[] {
  const knows = (option: 'resume' | 'keepGoing') => place.specialOptions.includes(option);
  const isRefused = isHoldfastError(error) && error.code.startsWith('E_SOURCE_');
  const isSome = missing.length > 0 && missing.length < course.wanted.length;
  const isClean = CLEAN.includes(state);
  const offered: Readonly<Record<RestoreWay, boolean>> = {
    // Changes go on where they were, whatever the kind knows.
    resume: state === 'part' && (course.phase === 'apply' || (!place.moment && knows('resume'))),
    missing: isSome && !place.isNew && !place.moment,
    again: isClean,
    replace: !place.isNew && (!isClean || isHoldfastError(error, 'E_TARGET_NOT_EMPTY')),
    'keep-going': isClean && isRefused && knows('keepGoing') && !body.keepGoing,
  };
  return (['resume', 'missing', 'again', 'replace', 'keep-going'] as const).filter((way) => offered[way]);
}
