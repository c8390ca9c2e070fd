import type { ErrorCode } from '../../core/errors.ts';
import type { SourceCheck } from '../../sources/source-checks.ts';

/**
 * - `ok`: it is as it should be.
 * - `warning`: work goes on, but somebody should look at it; or it could not be checked.
 * - `failed`: a backup or a restore, or keeping backups, fails because of it.
 * - `not-tried`: `seen` says why.
 */
export type DoctorOutcome = 'failed' | 'not-tried' | 'ok' | 'warning';

/** What one check of `holdfast doctor` showed. Contains no secret. */
export interface DoctorRow {
  /** Stable, as in the docs: `versioning`, `shop/tls`. */
  readonly name: string;
  readonly outcome: DoctorOutcome;
  readonly seen: string;
  /** What to do; null if there is nothing to do. */
  readonly fix: string | null;
  /** The code that a command would fail with. */
  readonly code: ErrorCode | null;
}

/** Checks that share what they look at. */
export interface DoctorGroup {
  /** Name of the source, which prefixes all its rows: `source/…`. */
  readonly source?: string;
  /** Names of its rows, if they are known in advance. */
  readonly names?: readonly string[];
  run(options: GroupOptions): AsyncIterable<DoctorRow>;
}

/** How long checks may take. */
export interface GroupOptions {
  readonly signal: AbortSignal;
  /** How long one check may take. */
  readonly limitMs: number;
}

/** @param given.code for a failure without a code of its own; `fix` for one without a hint */
export function rowOf(
  check: SourceCheck,
  given: { readonly name: string; readonly code: ErrorCode; readonly fix: string },
): DoctorRow {
  const { name } = given;
  const { seen } = check;
  const outcome = outcomeOf(check);
  if (outcome === 'ok' || outcome === 'not-tried') return { name, outcome, seen, fix: null, code: null };
  return { name, outcome, seen, fix: check.fix ?? given.fix, code: check.code ?? given.code };
}

function outcomeOf({ outcome, neededFor, isMinor }: SourceCheck): DoctorOutcome {
  if (outcome === 'unknown' || outcome === 'skipped') return 'not-tried';
  if (outcome === 'holds' || neededFor === 'saving') return 'ok';
  return isMinor || neededFor === 'information' ? 'warning' : 'failed';
}

/** One row that is known without a check. */
export function rowGroup(row: DoctorRow): DoctorGroup {
  return {
    names: [row.name],
    run: async function* () {
      yield row;
    },
  };
}

/** The same rows as `place/…`. */
export function placedGroup(place: string, group: DoctorGroup): DoctorGroup {
  return {
    source: place,
    run: async function* (given) {
      for await (const row of group.run(given)) yield { ...row, name: `${place}/${row.name}` };
    },
  };
}
