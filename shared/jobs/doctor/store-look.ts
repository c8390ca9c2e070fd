import type { ProbeFacts, ProbeFolder } from '../../repository/store-probe.ts';
import type { Check } from '../../sources/source-checks.ts';
import type { ObjectStore } from '../../store/object-store.ts';
import type { StoreConfig } from '../../store/open-store.ts';
import type { FirstContact, S3Contact } from '../../store/s3-contact.ts';

/** What the checks of a store share. */
export interface StoreLook {
  readonly config: StoreConfig;
  readonly store: ObjectStore;
  /** Where to put the probe. */
  readonly probe: ProbeFolder;
  /** Set by `store` for a folder that does not exist yet: nothing is put there. */
  isMissing: boolean;
  /** Set by `write`. */
  facts: ProbeFacts | undefined;
}

/** What checks of a bucket share. */
export interface BucketLook extends StoreLook {
  readonly s3: S3Contact;
  /** Object Lock is configured. */
  readonly wantsLock: boolean;
  /** Set by `store`. */
  contact: FirstContact | undefined;
}

/** A check of a store. */
export type StoreCheck<Look extends StoreLook = StoreLook> = Check<Look>;

/** What follows if the store does not answer. */
export const NO_WORK = 'Nothing can be backed up or restored.';
