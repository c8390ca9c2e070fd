import type { HoldfastError } from '../../core/errors.ts';
import type { ProbeFolder } from '../../repository/store-probe.ts';
import { type Check, runChecks, type SourceCheck } from '../../sources/source-checks.ts';
import { openContact, openStore } from '../../store/open-store.ts';
import type { RepositoryConfig } from '../open-repository.ts';
import { CONTACT } from './bucket-checks.ts';
import { type KeyLook, repositoryCheck } from './key-checks.ts';
import { type DoctorGroup, rowOf } from './row.ts';
import type { BucketLook, StoreCheck, StoreLook } from './store-look.ts';
import { CHECKSUMS, writeChecks } from './write-checks.ts';

/** What checks of a repository share. */
export type RepositoryLook = KeyLook & StoreLook;

/** What is asked of a bucket and its key. */
export interface BucketGroupOptions {
  readonly config: RepositoryConfig;
  /** Where to put the probe; undefined for a role that may not put one. */
  readonly probe: ProbeFolder | undefined;
  /** Checks of the key; none for a role that may not use it. */
  readonly key: readonly Check<KeyLook>[];
  /** Why the configured key could not be read. */
  readonly keyProblem?: HoldfastError | undefined;
  /** What makes the repository if there is none; undefined: a person must. */
  readonly madeBy: 'backup' | 'copy' | undefined;
}

interface BucketOptions extends BucketGroupOptions {
  /** Checks of the bucket's settings; none for roles of functions, which may not read them and need not. */
  readonly settings: readonly StoreCheck<BucketLook>[];
  /** Whether Object Lock is configured. */
  readonly wantsLock: boolean;
}

/**
 * The bucket that holds the repository: whether it can be reached, is set up correctly, and keeps what is
 * stored; and the key.
 */
export function bucketGroup(options: BucketOptions): DoctorGroup {
  const { settings, probe, key, wantsLock, config } = options;
  const checks: readonly Check<BucketLook & KeyLook>[] = [
    ...CONTACT,
    ...settings,
    ...(probe ? [...writeChecks('bucket'), CHECKSUMS] : []),
    repositoryCheck('bucket'),
    ...key,
  ];
  return groupOf(checks, async function* (how) {
    using s3 = await openContact(config);
    if (!s3) return;
    const look = { ...(await repositoryLook(options)), s3, wantsLock, contact: undefined };
    yield* runChecks(checks, look, how);
  });
}

/** A group of such checks, as rows. */
export function groupOf(
  checks: readonly { readonly name: string }[],
  run: (how: Parameters<typeof runChecks>[2]) => AsyncIterable<SourceCheck>,
): DoctorGroup {
  return {
    names: checks.map(({ name }) => name),
    run: async function* (given) {
      for await (const check of run({ ...given, mayWrite: true })) {
        const code = check.name.startsWith('key') ? 'E_KEY_UNAVAILABLE' : 'E_STORE_UNAVAILABLE';
        yield rowOf(check, {
          name: check.name,
          code,
          fix: 'docs/reference/errors.md explains the code.',
        });
      }
    },
  };
}

/** What checks of any repository share, before anything was checked. */
export async function repositoryLook(options: BucketGroupOptions): Promise<RepositoryLook & KeyLook> {
  const { config, probe = 'expired', keyProblem, madeBy } = options;
  const ofStore = { store: await openStore(config), probe, isMissing: false, facts: undefined };
  return { config, ...ofStore, keyProblem, madeBy, provider: undefined, repositoryId: undefined };
}
