import { type Check, runChecks } from '../../sources/source-checks.ts';
import { FOLDER } from './folder-checks.ts';
import { repositoryCheck } from './key-checks.ts';
import { groupOf, type RepositoryLook, type RepositoryOptions, repositoryLook } from './repository-group.ts';
import type { DoctorGroup } from './row.ts';
import { writeChecks } from './write-checks.ts';

/** The folder that holds the repository, and the key. */
export function folderGroup(options: RepositoryOptions): DoctorGroup {
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
