import { HoldfastError } from '../../core/errors.ts';
import { nearest } from '../../core/nearest.ts';
import type { DoctorGroup } from './row.ts';

/** `shop/tls` matches its whole name, `shop` and `tls`. */
export function isMeant(name: string, wanted: string): boolean {
  return name === wanted || name.startsWith(`${wanted}/`) || name.endsWith(`/${wanted}`);
}

/** Groups that may have a row of such a name. */
export function wantedGroups(
  groups: readonly DoctorGroup[],
  only: readonly string[] | undefined,
): readonly DoctorGroup[] {
  if (only === undefined) return groups;
  return groups.filter((group) => only.some((wanted) => mayHave(group, wanted, groups)));
}

function mayHave({ source, names }: DoctorGroup, wanted: string, groups: readonly DoctorGroup[]): boolean {
  if (names?.some((name) => isMeant(name, wanted))) return true;
  if (source === undefined) return false;
  if (wanted === source || wanted.startsWith(`${source}/`)) return true;
  const isElsewhere = groups.some(
    (group) => group.source === wanted || group.names?.some((name) => isMeant(name, wanted)),
  );
  return !isElsewhere && !wanted.includes('/');
}

/** @throws E_USAGE for a name that no row had */
export function refuseUnmet(
  only: readonly string[] | undefined,
  groups: readonly DoctorGroup[],
  made: readonly string[],
): void {
  const unmet = only?.find((wanted) => !made.some((name) => isMeant(name, wanted)));
  if (unmet === undefined) return;
  const known = [...groups.flatMap(({ names = [] }) => names), ...made];
  const meant = nearest(unmet, known);
  throw new HoldfastError('E_USAGE', `there is no check '${unmet}'`, {
    hint:
      meant === undefined ? `The checks are: ${[...new Set(known)].join(', ')}.` : `Did you mean ${meant}?`,
  });
}
