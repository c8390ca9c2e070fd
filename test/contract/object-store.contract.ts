import type { ObjectStore } from '../../shared/store/object-store.ts';
import { type Asked, describeChecks } from './describe-checks.ts';
import { storeChecks } from './suites.ts';

/** What every store must do. A new store is done when this passes on it. */
export function describeObjectStore(
  name: string,
  openEmpty: () => Promise<ObjectStore>,
  asked: Asked = 'its own process',
): void {
  describeChecks(`ObjectStore contract: ${name}`, storeChecks(openEmpty), asked);
}
