import { SETTINGS } from '../bucket-settings.ts';
import { KEY_STATE } from '../key-state.ts';
import { bucketGroup } from '../repository-group.ts';
import type { DoctorGroup, DoctorRow } from '../row.ts';
import { accountGroup } from './account-checks.ts';
import type { Deployment } from './deployment.ts';
import { functionGroup } from './function-group.ts';

/** All that is looked at of a deployment: what is seen from outside, then what each function finds where it runs. */
export function deployedGroups(deployment: Deployment): readonly DoctorGroup[] {
  const { functions } = deployment;
  return [
    accountGroup(deployment),
    ...bucketSettings(deployment),
    ...[...functions].map(([job, name]) => functionGroup(job, name, deployment)),
  ];
}

/** Functions may not ask for these. */
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

/** Work is done by the functions' own roles: what these credentials may not, is no failure. */
function asOutsider(row: DoctorRow): DoctorRow {
  return row.outcome === 'failed' && row.code === 'E_STORE_DENIED' ? { ...row, outcome: 'warning' } : row;
}
