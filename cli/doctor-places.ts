import type { ResolvedConfig } from '../shared/config/config.ts';
import { type HoldfastError, isHoldfastError } from '../shared/core/errors.ts';
import { SETTINGS } from '../shared/jobs/doctor/bucket-settings.ts';
import { folderGroup } from '../shared/jobs/doctor/folder-group.ts';
import { KEY } from '../shared/jobs/doctor/key-checks.ts';
import { KEY_STATE } from '../shared/jobs/doctor/key-state.ts';
import { bucketGroup } from '../shared/jobs/doctor/repository-group.ts';
import { type DoctorGroup, placedGroup, rowGroup } from '../shared/jobs/doctor/row.ts';
import { signingChecks } from '../shared/jobs/doctor/signing-check.ts';
import { sourceGroup } from '../shared/jobs/doctor/source-group.ts';
import type { RepositoryConfig } from '../shared/jobs/open-repository.ts';
import { openChecks } from '../shared/jobs/source/open-checks.ts';
import { pluginNamed } from '../shared/sources/registry.ts';
import { copyPlaces } from './copy-places.ts';
import type { Io } from './io.ts';
import { drillServer, findPlace, repositoryConfig } from './load-config.ts';

const NO_SOURCE = 'no source is configured: name one with --source';
const IN_SECRET =
  'its login is in an AWS secret, which only functions read: holdfast doctor --deployed STACK';

/** What this machine can check. @throws E_CONFIG */
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
  const places = given === undefined ? [...otherDatabases(config, io), ...secondPlaces(config, io)] : [];
  return [await repository(config, io), ...(groups.length > 0 ? groups : [none]), ...places];
}

/** Where the configured restores and drills write. */
function otherDatabases(config: ResolvedConfig, io: Io): readonly DoctorGroup[] {
  const targets = config.targets.map(
    (target) => ({ ...target, row: `target-${target.name}`, use: 'restore' }) as const,
  );
  const drills = Object.entries(config.drill).map(([kind, server]) => {
    return { ...server, kind, row: `drill-${kind}`, use: 'drill' } as const;
  });
  return [...targets, ...drills].map((place) => {
    const { row: name, kind, secret, use } = place;
    if (secret !== undefined && pluginNamed(kind)?.isUrlInSecret) return inSecret(name);
    const open = async () =>
      openChecks(
        use === 'drill' ? drillServer(kind, undefined, config, io) : findPlace(place.name, config, io),
        io.env,
      );
    return sourceGroup({ name, open, hasSecret: false, use });
  });
}

/** Where copies go. */
function secondPlaces(config: ResolvedConfig, io: Io): readonly DoctorGroup[] {
  return config.copies.map((copy) => {
    const { name = 'copy', to, s3 } = copyPlaces.resolve(copy, io);
    const options = { config: { repository: to, s3 }, probe: 'expired', key: [], madeBy: 'copy' } as const;
    const isBucket = to.startsWith('s3:');
    const group = isBucket
      ? bucketGroup({ ...options, settings: SETTINGS, wantsLock: false })
      : folderGroup(options);
    return placedGroup(`copy-${name}`, group);
  });
}

function inSecret(name: string): DoctorGroup {
  return rowGroup({ name, outcome: 'not-tried', seen: IN_SECRET, fix: null, code: null });
}

/** What to check in a deployment. @throws E_DEPLOYMENT, E_CONFIG */
export async function deploymentGroups(
  stack: string,
  region: string | undefined,
  io: Io,
): Promise<readonly DoctorGroup[]> {
  // AWS clients load when they are used.
  const { findDeployment } = await import('../shared/jobs/doctor/deployed/deployment.ts');
  const { deployedGroups } = await import('../shared/jobs/doctor/deployed/groups.ts');
  return deployedGroups(await findDeployment(stack, { region, env: io.env, signal: io.signal }));
}

async function repository(config: ResolvedConfig, io: Io): Promise<DoctorGroup> {
  try {
    return group(await repositoryConfig(config, io), config);
  } catch (error) {
    if (!isHoldfastError(error)) throw error;
    if (error.code !== 'E_NO_KEY') return failedGroup(error);
    return group(await repositoryConfig(withoutKeyFiles(config), io), config, error);
  }
}

function withoutKeyFiles(config: ResolvedConfig): ResolvedConfig {
  return { ...config, keyFile: undefined, signing: { ...config.signing, keyFile: undefined } };
}

function group(place: RepositoryConfig, { lock }: ResolvedConfig, keyProblem?: HoldfastError): DoctorGroup {
  const how = { config: place, probe: 'expired', keyProblem, madeBy: undefined } as const;
  const [first, ...others] = KEY;
  const options = { ...how, key: first ? [first, KEY_STATE, ...others, ...signingChecks(place)] : [] };
  if (!place.repository.startsWith('s3:')) return folderGroup(options);
  return bucketGroup({ ...options, settings: SETTINGS, wantsLock: lock !== undefined });
}

/** Without a repository there is nothing else to check. */
function failedGroup({
  message,
  code,
  hint = 'See docs/reference/configuration.md.',
}: HoldfastError): DoctorGroup {
  return rowGroup({ name: 'store', outcome: 'failed', seen: message, fix: hint, code });
}

function groupOf(text: string, config: ResolvedConfig, io: Io): DoctorGroup {
  const named = config.sources.find(({ name }) => name === text);
  if (named?.secret !== undefined && pluginNamed(named.kind)?.isUrlInSecret) return inSecret(text);
  // A URL may hold a password, so it cannot name a row.
  const name = named || text.startsWith('env:') ? text : 'source';
  const open = async () => openChecks(findPlace(text, config, io), io.env);
  return sourceGroup({ name, open, hasSecret: false });
}
