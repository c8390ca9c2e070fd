import type { LockSettings } from '../../config/lock.ts';
import type { RetentionPolicy } from '../../config/retention.ts';
import type { Naming } from '../../jobs/source/naming.ts';
import type { ProtectionOptions } from '../presenters/protection.ts';

/** What protects backups besides themselves, and the data that it needs. */
export interface LocalProtection extends ProtectionOptions {
  readonly lock?: LockSettings | undefined;
  readonly policy: RetentionPolicy;
  readonly naming?: Naming | undefined;
}
