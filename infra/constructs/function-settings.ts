import type { IEventBus } from 'aws-cdk-lib/aws-events';
import type { HoldfastConfig } from '../../shared/config/config.ts';
import { NAMESPACE } from './backup-metrics.ts';
import type { BackupStorage } from './backup-storage.ts';

/** Lambda's limit on all variables of a function is 4096 bytes. */
const MOST_BYTES = 3300;
/** The watchdog also gets the channels to notify. */
const MOST_WATCHDOG_BYTES = 3500;
/** The API also gets the ARNs of other functions. */
const MOST_API_BYTES = 2500;

/** The variables that every function has. */
export function functionEnvironment(
  { repository, key }: BackupStorage,
  { eventBusName }: IEventBus,
  config: string,
): Readonly<Record<string, string>> {
  return {
    HOLDFAST_REPOSITORY: repository,
    HOLDFAST_KMS_KEY: key.keyArn,
    HOLDFAST_CONFIG: config,
    HOLDFAST_EVENT_BUS: eventBusName,
    POWERTOOLS_METRICS_NAMESPACE: NAMESPACE,
    NODE_OPTIONS: '--enable-source-maps',
  };
}

/** Makes the SDK use FIPS endpoints for every service. */
export function fipsEnvironment({
  fips,
}: {
  readonly fips?: boolean | undefined;
}): Readonly<Record<string, string>> {
  return fips ? { AWS_USE_FIPS_ENDPOINT: 'true' } : {};
}

/**
 * The part of a configuration that the function of the admin API reads.
 *
 * @throws if it is too long for the function's environment
 */
export function apiConfig({
  sources,
  targets,
  schedules,
  retention,
  keep,
  prune,
  lock,
  copy,
  storageClass,
  signing,
  api,
  notifications,
}: HoldfastConfig): string {
  return fitting(
    definedOf({
      sources,
      targets,
      schedules,
      retention,
      keep,
      prune,
      lock,
      copy,
      storageClass,
      signing,
      api,
      notifications,
    }),
    MOST_API_BYTES,
  );
}

/**
 * The part of a configuration that functions read, as the value of HOLDFAST_CONFIG. Leaves out deployment
 * settings, and what only a command line or the API uses.
 *
 * @throws if it is too long for a function's environment
 */
export function functionConfig(file: HoldfastConfig): string {
  const { repository: _, kmsKey: __, keyFile: ___, s3: ____, api: _____, ...ofEngine } = file;
  const { notifications: ______, aws = {}, ...engine } = ofEngine;
  const { shareMiB, maxConcurrency, restoreMiB, fargate, alarms, jobs, network } = aws;
  const ofFunctions = definedOf({
    shareMiB,
    maxConcurrency,
    restoreMiB,
    alarms,
    jobs,
    // Fargate is refused without a network.
    ...(fargate ? { fargate, network } : {}),
  });
  return fitting(
    { ...engine, ...(Object.keys(ofFunctions).length > 0 ? { aws: ofFunctions } : {}) },
    MOST_BYTES,
  );
}

/**
 * The watchdog's variable that says whom to notify. @throws if it is too long for the function's environment,
 * with the rest
 */
export function notifyEnvironment(file: HoldfastConfig): Readonly<Record<string, string>> {
  if (!file.notifications) return {};
  const most = MOST_WATCHDOG_BYTES - Buffer.byteLength(functionConfig(file));
  return { HOLDFAST_NOTIFICATIONS: fitting(file.notifications, most) };
}

function fitting(config: object, most: number): string {
  const text = JSON.stringify(config);
  const bytes = Buffer.byteLength(text);
  if (bytes <= most) return text;
  throw new Error(
    `the configuration takes ${bytes} bytes, but functions can have ${most}; use fewer sources in one deployment`,
  );
}

function definedOf<T extends object>(given: T): Partial<T> {
  return Object.fromEntries(Object.entries(given).filter(([, value]) => value !== undefined)) as Partial<T>;
}
