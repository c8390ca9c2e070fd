import { KINDS } from '../sources/registry.ts';
import { CronError, schedulerCron } from './scheduler-cron.ts';

type Env = Readonly<Record<string, string | undefined>>;

/** What the environment says, checked. */
export interface EnvConfig {
  readonly repository: string | undefined;
  readonly region: string | undefined;
  readonly endpoint: string | undefined;
  readonly encryptionKey: string | undefined;
  readonly keyFile: string | undefined;
  readonly kmsKey: string | undefined;
  readonly signingKeyFile: string | undefined;
  readonly source: string | undefined;
  /** A database that a variable names which is not Holdfast's own: for where no source is configured. Secret. */
  readonly databaseUrl: string | undefined;
  readonly isEnabled: boolean;
  readonly retention: Readonly<Record<string, number>>;
  /** Cron fields by type, from the environment. */
  readonly schedules: Readonly<Record<string, string>>;
  readonly compressionLevel: number | undefined;
}

const MOST_DAYS = 36_500;

/** What names the source beside HOLDFAST_SOURCE. */
const SOURCE_VARIABLES = KINDS.flatMap(({ sourceVariable }) => sourceVariable ?? []);

/**
 * Variables that choose a place. If empty (as when a variable was not set) they would silently choose
 * another.
 */
const MUST_NOT_BE_EMPTY = [
  'HOLDFAST_REPOSITORY',
  'BACKUP_S3_BUCKET',
  'HOLDFAST_SOURCE',
  ...SOURCE_VARIABLES,
  'HOLDFAST_KEY_FILE',
  'HOLDFAST_SIGNING_KEY_FILE',
];

/** Reads the environment variables listed in docs/reference/configuration.md; adds problems to `problems`. */
export function readConfigEnv(env: Env, problems: string[]): EnvConfig {
  const get = (name: string): string | undefined => (env[name] === '' ? undefined : env[name]);
  for (const name of MUST_NOT_BE_EMPTY)
    if (env[name] === '') problems.push(`${name} is empty; give it a value, or unset it`);
  const encrypts = readSwitch(get, 'BACKUP_ENCRYPTION', problems) ?? true;
  if (!encrypts) problems.push('BACKUP_ENCRYPTION is false: Holdfast always encrypts; remove the variable');
  const compresses = readSwitch(get, 'BACKUP_COMPRESSION', problems) ?? true;
  const bucket = get('BACKUP_S3_BUCKET');
  return {
    repository: get('HOLDFAST_REPOSITORY') ?? (bucket === undefined ? undefined : `s3://${bucket}`),
    region: get('BACKUP_S3_REGION'),
    endpoint: get('AWS_ENDPOINT_URL_S3') ?? get('AWS_ENDPOINT_URL'),
    encryptionKey: readKey(get, problems),
    keyFile: get('HOLDFAST_KEY_FILE'),
    kmsKey: get('HOLDFAST_KMS_KEY'),
    signingKeyFile: get('HOLDFAST_SIGNING_KEY_FILE'),
    source: get('HOLDFAST_SOURCE') ?? SOURCE_VARIABLES.map(get).find((url) => url !== undefined),
    databaseUrl: fallbackUrl(get),
    isEnabled: readSwitch(get, 'ENABLE_BACKUPS', problems) ?? true,
    retention: {
      ...readDays(get, 'BACKUP_RETENTION_DAYS', 'daily', problems),
      ...readDays(get, 'BACKUP_WEEKLY_RETENTION', 'weekly', problems),
      ...readDays(get, 'BACKUP_MANUAL_RETENTION', 'manual', problems),
    },
    schedules: {
      ...readCron(get, 'BACKUP_DAILY_TIME', 'daily', problems),
      ...readCron(get, 'BACKUP_WEEKLY_TIME', 'weekly', problems),
    },
    compressionLevel: compresses ? undefined : 0,
  };
}

/** Many programs have such a variable, for any kind of database: only what its kind means by it counts. */
function fallbackUrl(get: Get): string | undefined {
  return KINDS.flatMap(({ fallbackVariable: variable }) => {
    const url = variable && get(variable.name);
    return url !== undefined && variable?.isMeant(url) ? url : [];
  })[0];
}

type Get = (name: string) => string | undefined;

/**
 * The key's form is checked when it is used; this only checks that there is one. No message contains the
 * value.
 */
function readKey(get: Get, problems: string[]): string | undefined {
  const ours = get('HOLDFAST_KEY');
  const original = get('BACKUP_ENCRYPTION_KEY');
  if (ours !== undefined && original !== undefined && ours !== original) {
    problems.push('HOLDFAST_KEY and BACKUP_ENCRYPTION_KEY hold different keys; keep one of them');
  }
  return ours ?? original;
}

function readSwitch(get: Get, name: string, problems: string[]): boolean | undefined {
  const value = get(name)?.toLowerCase();
  if (value === undefined || value === 'true' || value === '1') return value === undefined ? undefined : true;
  if (value !== 'false' && value !== '0') problems.push(`${name} is '${value}'; allowed are true and false`);
  return false;
}

function readDays(get: Get, name: string, type: string, problems: string[]): Record<string, number> {
  const value = get(name);
  if (value === undefined) return {};
  const count = Number(value);
  if (Number.isInteger(count) && count >= 1 && count <= MOST_DAYS) return { [type]: count };
  problems.push(`${name} is '${value}'; allowed are whole days from 1 to ${MOST_DAYS}`);
  return {};
}

function readCron(get: Get, name: string, type: string, problems: string[]): Record<string, string> {
  const value = get(name);
  if (value === undefined) return {};
  try {
    schedulerCron(value);
    return { [type]: value };
  } catch (error) {
    if (!(error instanceof CronError)) throw error;
    problems.push(`${name} is '${value}': it ${error.message}`);
    return {};
  }
}
