import { type Check, runChecks } from '../../sources/source-checks.ts';
import { FOLDER } from './folder-checks.ts';
import { repositoryCheck } from './key-checks.ts';
import { type BucketGroupOptions, groupOf, type RepositoryLook, repositoryLook } from './repository-group.ts';
import type { DoctorGroup } from './row.ts';
import { writeChecks } from './write-checks.ts';

/** The folder that holds the repository, and the key. */
export function folderGroup(options: BucketGroupOptions): DoctorGroup {
  const checks: readonly Check<RepositoryLook>[] = [
    ...FOLDER,
    ...writeChecks('store'),
    repositoryCheck('store'),
    ...options.key,
  ];
  return groupOf(checks, async function* (how) {
    yield* runChecks(checks, await repositoryLook(options), how);
  });
}
