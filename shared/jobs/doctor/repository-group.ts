import type { HoldfastError } from '../../core/errors.ts';
import type { ProbeFolder } from '../../repository/store-probe.ts';
import { type Check, type CheckOptions, runChecks, type SourceCheck } from '../../sources/source-checks.ts';
import { openInspection, openStore } from '../../store/open-store.ts';
import type { RepositoryConfig } from '../open-repository.ts';
import { CONTACT } from './bucket-checks.ts';
import { SETTINGS } from './bucket-settings.ts';
import { FOLDER } from './folder-checks.ts';
import { KEY, type KeyLook, repositoryCheck } from './key-checks.ts';
import { type DoctorGroup, type DoctorRow, type GroupOptions, rowOf } from './row.ts';
import type { BucketLook, StoreLook } from './store-look.ts';
import { CHECKSUMS, writeChecks } from './write-checks.ts';

export interface RepositoryGroupOptions {
  readonly config: RepositoryConfig;
  /** Where the probe is put; undefined for a role that may put no such thing. @default 'expired' */
  readonly probe?: ProbeFolder | undefined;
  /** Whether the bucket's settings are asked for; roles of functions may not, and need not. */
  readonly hasSettings: boolean;
  /** Whether the configuration asks for Object Lock. */
  readonly wantsLock: boolean;
  /** Whether work is done with the key. */
  readonly hasKey: boolean;
  /** Why the configured key could not be read. */
  readonly keyProblem?: HoldfastError | undefined;
  /** Whether the first backup makes the repository, as functions do. */
  readonly isMadeByBackup: boolean;
}

type InBucket = Check<BucketLook & KeyLook>;
type InFolder = Check<KeyLook & StoreLook>;

/** What holds the repository, reached, set up as it must be, and keeping what is put there; and the key. */
export function repositoryGroup(options: RepositoryGroupOptions): DoctorGroup {
  const checks = isBucket(options) ? inBucket(options) : inFolder(options);
  return { names: checks.map(({ name }) => name), run: (given) => examineRepository(options, given) };
}

function isBucket({ config }: RepositoryGroupOptions): boolean {
  return config.repository.startsWith('s3:');
}

function inBucket({ hasSettings, probe, hasKey }: RepositoryGroupOptions): readonly InBucket[] {
  return [
    ...CONTACT,
    ...(hasSettings ? SETTINGS : []),
    ...(probe ? [...writeChecks('bucket'), CHECKSUMS] : []),
    repositoryCheck('bucket'),
    ...(hasKey ? KEY : []),
  ];
}

function inFolder({ hasKey }: RepositoryGroupOptions): readonly InFolder[] {
  return [...FOLDER, ...writeChecks('store'), repositoryCheck('store'), ...(hasKey ? KEY : [])];
}

async function* examineRepository(
  options: RepositoryGroupOptions,
  { signal, limitMs }: GroupOptions,
): AsyncGenerator<DoctorRow> {
  for await (const check of looked(options, { mayWrite: true, signal, limitMs })) {
    const code = check.name.startsWith('key') ? 'E_KEY_UNAVAILABLE' : 'E_STORE_UNAVAILABLE';
    yield rowOf(check, { name: check.name, code, fix: 'docs/errors.md says what the code means.' });
  }
}

async function* looked(options: RepositoryGroupOptions, how: CheckOptions): AsyncGenerator<SourceCheck> {
  const { config, probe = 'expired', keyProblem, isMadeByBackup, wantsLock } = options;
  const ofStore = { store: await openStore(config), probe, isMissing: false, facts: undefined };
  const ofKey = { keyProblem, isMadeByBackup, provider: undefined, repositoryId: undefined };
  const look = { config, ...ofStore, ...ofKey };
  using inspection = await openInspection(config);
  if (!inspection) return yield* runChecks(inFolder(options), look, how);
  yield* runChecks(inBucket(options), { ...look, inspection, wantsLock, contact: undefined }, how);
}
