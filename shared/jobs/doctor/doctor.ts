import { ERRORS, WARNINGS_EXIT_STATUS } from '../../core/errors.ts';
import { SECOND_MS } from '../../core/units.ts';
import type { DoctorGroup, DoctorOutcome, DoctorRow } from './row.ts';
import { isMeant, refuseUnmet, wantedGroups } from './wanted.ts';

export interface DoctorOptions {
  readonly signal: AbortSignal;
  /** Names of rows, or of all rows of a source (`shop`), or of one kind of all (`tls`). @default all */
  readonly only?: readonly string[] | undefined;
  /** How long one check may take. @default 30 seconds */
  readonly limitMs?: number | undefined;
}

const LIMIT_MS = 30 * SECOND_MS;

/**
 * Tries one thing after the other. What a wanted check needs is tried too, and not shown.
 *
 * @throws E_USAGE for a name that no check has; E_ABORTED. What else fails is a row
 */
export async function* runChecks(
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

/** 0 where all is well; of what failed first, its own; else that of warnings. */
export function doctorExitStatus(rows: readonly DoctorRow[]): number {
  const failed = rows.find(({ outcome }) => outcome === 'failed');
  if (failed) return ERRORS[failed.code ?? 'E_INTERNAL'].exitStatus;
  return rows.some(({ outcome }) => outcome === 'warning') ? WARNINGS_EXIT_STATUS : 0;
}

export function countOutcomes(rows: readonly DoctorRow[]): Readonly<Record<DoctorOutcome, number>> {
  const counts = { ok: 0, warning: 0, failed: 0, 'not-tried': 0 };
  for (const { outcome } of rows) counts[outcome]++;
  return counts;
}
