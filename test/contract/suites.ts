import type { ObjectStore } from '../../shared/store/object-store.ts';
import { SCRATCH_CHECKS } from './checks/scratch-checks.ts';
import { CHANGES } from './checks/source-changes.ts';
import { COMPLETE } from './checks/source-complete.ts';
import { FAILURES as SOURCE_FAILURES } from './checks/source-failures.ts';
import { STORE_CHECKS } from './checks/store-checks.ts';
import { FAILURES as TARGET_FAILURES } from './checks/target-failures.ts';
import { WRITES } from './checks/target-writes.ts';
import { type Check, type NamedCheck, namedChecks } from './contract.ts';
import type { KindFacts, Place } from './place.ts';
import { type Restoring, restoringOf } from './restoring.ts';

/** What `sourceChecks` runs. */
export const SOURCE_CHECKS: readonly Check<Place>[] = [...COMPLETE, ...CHANGES, ...SOURCE_FAILURES];
/** What `targetChecks` runs. */
export const TARGET_CHECKS: readonly Check<Restoring>[] = [...WRITES, ...TARGET_FAILURES];

/**
 * What every source must do: give all of a database, as of one moment as far as it says so, and fail if it cannot.
 *
 * @param facts what is peculiar to this kind of database
 * @param openEmpty opens an empty database; called for each check
 */
export function sourceChecks(facts: KindFacts, openEmpty: () => Promise<Place>): readonly NamedCheck[] {
  return namedChecks(SOURCE_CHECKS, { facts, open: openEmpty });
}

/**
 * What every target must do, with backups of a source of the same kind.
 *
 * @param facts what is peculiar to this kind of database
 * @param openEmpty opens an empty database; called twice, and for each check
 */
export function targetChecks(facts: KindFacts, openEmpty: () => Promise<Place>): readonly NamedCheck[] {
  return namedChecks(TARGET_CHECKS, { facts, open: restoringOf(openEmpty) });
}

/**
 * What every server for drills must do: never touch what is not its own, and leave nothing behind.
 *
 * @param facts what is peculiar to this kind of database
 * @param openEmpty opens an empty database; called twice, and for each check
 */
export function scratchServerChecks(
  facts: KindFacts,
  openEmpty: () => Promise<Place>,
): readonly NamedCheck[] {
  return namedChecks(SCRATCH_CHECKS, { facts, open: restoringOf(openEmpty) });
}

/**
 * What every store must do: keep each object as it was put first, and list all of them in order.
 *
 * @param openEmpty opens an empty store; called for each check
 */
export function storeChecks(openEmpty: () => Promise<ObjectStore>): readonly NamedCheck[] {
  return namedChecks(STORE_CHECKS, { open: openEmpty });
}
