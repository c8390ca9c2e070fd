import { backupTypes } from '../../config/backup-types.ts';
import type { ResolvedConfig } from '../../config/config.ts';
import { writtenFor } from '../../config/schedules.ts';
import { HoldfastError, isHoldfastError } from '../../core/errors.ts';
import { openLocks } from '../../jobs/lock/lock.ts';
import { openConfiguredRepository } from '../../jobs/open-repository.ts';
import type { Repository } from '../../repository/repository.ts';
import { CachingStore } from '../../store/caching-store.ts';
import { openS3Exports, openStore } from '../../store/open-store.ts';
import { kindsJson } from '../presenters/kinds.ts';
import { RepositoryView } from '../server/repository-view.ts';
import { AwsBackend } from './aws-backend.ts';
import type { AwsServices } from './aws-services.ts';

/**
 * Opens the repository without its key. @throws E_CONFIG if it is not in a bucket, E_NO_REPOSITORY, E_STORE_*
 */
export async function openAwsBackend(
  config: ResolvedConfig,
  services: AwsServices,
  signal: AbortSignal,
): Promise<AwsBackend> {
  const { repository: place = '', s3, retention, prune, signing, aws } = config;
  const links = await openS3Exports({ repository: place, s3 });
  if (!links)
    throw new HoldfastError('E_CONFIG', 'HOLDFAST_REPOSITORY names no bucket', {
      hint: 'Set it to s3://bucket/prefix.',
    });
  const store = new CachingStore(await openStore({ repository: place, s3 }), [
    'backups/',
    'reports/',
    'history/',
    'notices/',
  ]);
  const repository = await openConfiguredRepository(
    { repository: place, s3, signing, graceMs: prune.graceMs, workers: 1 },
    signal,
    { store },
  );
  const changes = await openChangesReader(config, repository, signal);
  const locks = await openLocks({ repository: place, s3 }, config.lock);
  const types = backupTypes(config);
  const named = ({ name, kind }: ResolvedConfig['sources'][number]) => ({ name, kind });
  return new AwsBackend({
    repository,
    view: new RepositoryView({
      repository,
      changes,
      retention,
      prune,
      price: config.price,
      safety: { config, runsDefaults: true },
      channels: config.channels,
      protection: { locks, copies: config.copies },
    }),
    services,
    links,
    types,
    channels: config.channels,
    configured: {
      sources: config.sources.map(named),
      targets: config.targets.map(named),
      // A function only has the secrets of targets, so each new database names one.
      newDatabases: [],
      types: [...types.names],
      kinds: kindsJson(),
    },
    schedules: Object.entries(aws.schedules).flatMap(([type, schedule]) =>
      (schedule.sources ?? config.sources.map(({ name }) => name)).map((source) => ({
        source,
        type,
        cron: writtenFor(schedule, source),
        nextAt: null,
      })),
    ),
  });
}

/**
 * The same repository with the key, which opens for this role what change segments say, and nothing else. Undefined if no source has
 * segments, or the key cannot be used: then only what listings say is known of them.
 */
async function openChangesReader(
  config: ResolvedConfig,
  { store, context: { pool } }: Repository,
  signal: AbortSignal,
): Promise<Repository | undefined> {
  const { repository = '', sources, kmsKey } = config;
  if (kmsKey === undefined || !sources.some(({ continuous }) => continuous)) return undefined;
  const place = {
    repository,
    kmsKey,
    olderKmsKeys: config.olderKmsKeys,
    s3: config.s3,
    signing: config.signing,
  };
  try {
    const given = { store, pool };
    return await openConfiguredRepository({ ...place, workers: 1, onlyManifestKeys: true }, signal, given);
  } catch (error) {
    if (isHoldfastError(error) && error.code !== 'E_ABORTED') return undefined;
    throw error;
  }
}
