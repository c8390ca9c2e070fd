import type { ResolvedConfig } from '../shared/core/config.ts';
import { type HoldfastError, isHoldfastError } from '../shared/core/errors.ts';
import { repositoryGroup } from '../shared/jobs/doctor/repository-group.ts';
import { type DoctorGroup, rowGroup } from '../shared/jobs/doctor/row.ts';
import { sourceGroup } from '../shared/jobs/doctor/source-group.ts';
import type { Io } from './io.ts';
import { findPlace, repositoryConfig } from './load-config.ts';

const NO_SOURCE = 'no source is configured: name one with --source';
const IN_SECRET = 'its login is in a secret of AWS, which functions read: holdfast doctor --deployed STACK';

/** What this machine can look at. @throws E_CONFIG */
export async function doctorGroups(
  config: ResolvedConfig,
  given: readonly string[] | undefined,
  io: Io,
): Promise<readonly DoctorGroup[]> {
  const configured = config.sources.map(({ name }) => name);
  const fallback = config.defaultSource === undefined ? [] : [config.defaultSource];
  const sources = given ?? (configured.length > 0 ? configured : fallback);
  const groups = sources.map((text) => groupOf(text, config, io));
  const none = rowGroup({ name: 'source', outcome: 'not-tried', seen: NO_SOURCE, fix: null, code: null });
  return [await repository(config, io), ...(groups.length > 0 ? groups : [none])];
}

async function repository(config: ResolvedConfig, io: Io): Promise<DoctorGroup> {
  const wanted = { wantsLock: config.lock !== undefined, isMadeByBackup: false };
  const how = { probe: 'expired', hasSettings: true, hasKey: true, ...wanted } as const;
  try {
    return repositoryGroup({ config: await repositoryConfig(config, io), ...how });
  } catch (error) {
    if (!isHoldfastError(error)) throw error;
    if (error.code !== 'E_NO_KEY') return failedGroup(error);
    const keyless = await repositoryConfig({ ...config, keyFile: undefined }, io);
    return repositoryGroup({ config: keyless, keyProblem: error, ...how });
  }
}

/** Without a repository there is nothing more to look at than that. */
function failedGroup({ message, code, hint = 'See docs/configuration.md.' }: HoldfastError): DoctorGroup {
  return rowGroup({ name: 'store', outcome: 'failed', seen: message, fix: hint, code });
}

function groupOf(text: string, config: ResolvedConfig, io: Io): DoctorGroup {
  const named = config.sources.find(({ name }) => name === text);
  if (named?.secret !== undefined && named.kind === 'postgres')
    return rowGroup({ name: text, outcome: 'not-tried', seen: IN_SECRET, fix: null, code: null });
  // A URL may hold a password, and is no name for a row.
  const name = named || text.startsWith('env:') ? text : 'source';
  const open = async () => ({ config: findPlace(text, config, io), env: io.env });
  return sourceGroup({ name, open, hasSecret: false });
}
