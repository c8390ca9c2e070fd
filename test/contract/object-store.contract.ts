import type { ObjectStore } from '../../shared/store/object-store.ts';
import { describeChecks } from './describe-checks.ts';
import { storeChecks } from './suites.ts';

/** What every store must do. A new store is done when this passes on it. */
export function describeObjectStore(name: string, openEmpty: () => Promise<ObjectStore>): void {
  describeChecks(`ObjectStore contract: ${name}`, storeChecks(openEmpty));
}
