import { ERRORS, WARNINGS_EXIT_STATUS } from '../../core/errors.ts';
import { SECOND_MS } from '../../core/units.ts';
import type { DoctorGroup, DoctorOutcome, DoctorRow } from './row.ts';
import { isMeant, refuseUnmet, wantedGroups } from './wanted.ts';

/** Which checks are run, and for how long. */
export interface DoctorOptions {
  readonly signal: AbortSignal;
  /** Names of rows, or all rows of a source (`shop`), or of one kind (`tls`). @default all */
  readonly only?: readonly string[] | undefined;
  /** How long one check may take. @default 30 seconds */
  readonly limitMs?: number | undefined;
}

const LIMIT_MS = 30 * SECOND_MS;

/**
 * Runs one check after the other. Checks that a wanted one needs are run too, but not shown.
 *
 * @throws E_USAGE for a name that no check has; E_ABORTED. Any other failure is a row
 */
export async function* runDoctor(
  groups: readonly DoctorGroup[],
  { signal, only, limitMs = LIMIT_MS }: DoctorOptions,
): AsyncGenerator<DoctorRow> {
  const made: string[] = [];
  for (const group of wantedGroups(groups, only))
    for await (const row of group.run({ signal, limitMs })) {
      made.push(row.name);
      if (only?.some((wanted) => isMeant(row.name, wanted)) ?? true) yield row;
    }
  refuseUnmet(only, groups, made);
}

/** 0 if all is well; else the status of the first failure; else that of warnings. */
export function doctorExitStatus(rows: readonly DoctorRow[]): number {
  const failed = rows.find(({ outcome }) => outcome === 'failed');
  if (failed) return ERRORS[failed.code ?? 'E_INTERNAL'].exitStatus;
  return rows.some(({ outcome }) => outcome === 'warning') ? WARNINGS_EXIT_STATUS : 0;
}

/** How many rows ended in which way. */
export function countOutcomes(rows: readonly DoctorRow[]): Readonly<Record<DoctorOutcome, number>> {
  const counts = { ok: 0, warning: 0, failed: 0, 'not-tried': 0 };
  for (const { outcome } of rows) counts[outcome]++;
  return counts;
}
