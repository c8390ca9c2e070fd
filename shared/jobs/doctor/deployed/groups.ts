import { SETTINGS } from '../bucket-settings.ts';
import { KEY_STATE } from '../key-state.ts';
import { bucketGroup } from '../repository-group.ts';
import type { DoctorGroup, DoctorRow } from '../row.ts';
import { accountGroup } from './account-checks.ts';
import type { Deployment } from './deployment.ts';
import { functionGroup } from './function-group.ts';

/** All checks of a deployment: from outside, then what each function finds when it runs. */
export function deployedGroups(deployment: Deployment): readonly DoctorGroup[] {
  const { functions } = deployment;
  return [
    accountGroup(deployment),
    ...bucketSettings(deployment),
    ...functions.map((one) => functionGroup(one, deployment)),
  ];
}

/** Functions may not read these. */
function bucketSettings({ config }: Deployment): readonly DoctorGroup[] {
  const { repository, lock } = config;
  if (repository === undefined) return [];
  const group = bucketGroup({
    config: { ...config, repository, cacheBytes: undefined, graceMs: undefined },
    probe: undefined,
    settings: SETTINGS,
    key: [KEY_STATE],
    wantsLock: lock !== undefined,
    madeBy: 'backup',
  });
  return [
    {
      ...group,
      run: async function* (given) {
        for await (const row of group.run(given)) yield asOutsider(row);
      },
    },
  ];
}

/** The functions' own roles do the work: missing rights of these credentials are not a failure. */
function asOutsider(row: DoctorRow): DoctorRow {
  return row.outcome === 'failed' && row.code === 'E_STORE_DENIED' ? { ...row, outcome: 'warning' } : row;
}
