import type { LockSettings } from '../../config/lock.ts';
import type { RetentionPolicy } from '../../config/retention.ts';
import type { Naming } from '../../jobs/source/naming.ts';
import type { ProtectionOptions } from '../presenters/protection.ts';

/** What keeps backups safe besides themselves, and what it goes by. */
export interface LocalProtection extends ProtectionOptions {
  readonly lock?: LockSettings | undefined;
  readonly policy: RetentionPolicy;
  readonly naming?: Naming | undefined;
}
