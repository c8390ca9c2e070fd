import { type ResolvedConfig, resolveConfig } from '../../shared/config/config.ts';
import { HoldfastError } from '../../shared/core/errors.ts';
import { MiB } from '../../shared/core/units.ts';
import { openConfiguredRepository } from '../../shared/jobs/open-repository.ts';

type Env = Readonly<Record<string, string | undefined>>;
/** The repository that the configuration names, open. */
export type OpenedRepository = Awaited<ReturnType<typeof openConfiguredRepository>>;

/**
 * The configuration in HOLDFAST_CONFIG (the file's content as JSON), its `notifications` in
 * HOLDFAST_NOTIFICATIONS, and the variables beside them.
 *
 * @throws E_CONFIG
 */
export function readSettings(env: Env): ResolvedConfig {
  const notifications = parseConfig(env, 'HOLDFAST_NOTIFICATIONS');
  return resolveConfig({
    file: { ...parseConfig(env, 'HOLDFAST_CONFIG'), ...(notifications ? { notifications } : {}) },
    fileName: 'HOLDFAST_CONFIG',
    env,
    flags: {},
  });
}

function parseConfig(env: Env, name: string): object | undefined {
  const text = env[name];
  if (text === undefined || text === '') return undefined;
  try {
    return JSON.parse(text);
  } catch (cause) {
    throw new HoldfastError('E_CONFIG', `${name} is not JSON`, {
      cause,
      hint: 'Deploy again: the stacks write it from holdfast.config.ts.',
    });
  }
}

/** @throws E_CONFIG if no place is configured */
export function repositoryPlace({ repository, s3 }: ResolvedConfig) {
  if (repository === undefined)
    throw new HoldfastError('E_CONFIG', 'HOLDFAST_REPOSITORY is not set', {
      hint: 'Set it to s3://bucket or s3://bucket/prefix.',
    });
  return { repository, s3 };
}

/**
 * What a role may do with the repository's key: everything that the job needs, open only keys of manifests,
 * or nothing.
 */
export interface KeyUse {
  readonly withKey?: boolean | 'manifests';
}

/**
 * Opens the repository; dispose of it. Without its key if the role may not use it.
 *
 * @throws E_CONFIG if no place is configured, E_NO_REPOSITORY, E_STORE_*, E_KEY_*
 */
export function openConfigured(
  config: ResolvedConfig,
  signal: AbortSignal,
  { withKey = true }: KeyUse = {},
): Promise<OpenedRepository> {
  const { cacheMiB, prune } = config;
  const keys = withKey ? {} : { encryptionKey: undefined, kmsKey: undefined };
  return openConfiguredRepository(
    {
      ...config,
      ...repositoryPlace(config),
      cacheBytes: cacheMiB === undefined ? undefined : cacheMiB * MiB,
      graceMs: prune.graceMs,
      ...keys,
      onlyManifestKeys: withKey === 'manifests',
    },
    signal,
  );
}
