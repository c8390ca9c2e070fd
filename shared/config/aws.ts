import * as z from 'zod';
import { SecretArn } from '../core/arn.ts';
import { HOUR_MS, MiB } from '../core/units.ts';
import { ApiGatewayConfig, HostedConsoleConfig } from './hosting.ts';
import { resolveSchedule, type Schedule, ScheduleConfig, type ScheduleSetting } from './schedules.ts';
import { LATER_STORAGE_CLASSES } from './storage.ts';

/** Functions that every deployment has, by the name of their folder. */
export const FUNCTION_NAMES = [
  'plan',
  'hold',
  'backup-partition',
  'commit',
  'verify',
  'restore',
  'export',
  'prune',
  'drill',
  'watchdog',
] as const;
/** One of these functions. */
export type FunctionName = (typeof FUNCTION_NAMES)[number];

/** Functions of the admin API, which are deployed with it. */
export const API_FUNCTION_NAMES = ['admin-api', 'decide'] as const;
/** One of these functions. */
export type ApiFunctionName = (typeof API_FUNCTION_NAMES)[number];

/** Functions that are deployed only if the configuration asks for what they do. */
export const OPTIONAL_FUNCTION_NAMES = [
  'lock',
  'copy',
  'look',
  'put-back',
  'poll',
  'poll-watchdog',
  'prove',
] as const;
/** One of these functions. */
export type OptionalFunctionName = (typeof OPTIONAL_FUNCTION_NAMES)[number];
/** Any function that can be deployed. */
export type DeployedFunction = FunctionName | ApiFunctionName | OptionalFunctionName;

/** Everything that runs on a schedule besides backups. */
export const MAINTENANCE_JOBS = ['verify', 'prune', 'drill', 'lock', 'copy', 'watchdog'] as const;
/** One of these jobs. */
export type MaintenanceJob = (typeof MAINTENANCE_JOBS)[number];

/** Shares of a backup that are read at once, unless something else is said. */
export const DEFAULT_SHARES_AT_ONCE = 10;

const whole = (min: number, max: number) => z.number().int().min(min).max(max);
const FunctionSize = z.strictObject({
  memoryMiB: whole(256, 10_240).optional(),
  timeoutMinutes: whole(1, 15).optional(),
  reservedConcurrency: whole(0, 1000).optional(),
  /** Environment variables of your own, such as POWERTOOLS_LOG_LEVEL. */
  environment: z
    .record(
      z
        .string()
        .regex(
          /^(?!(HOLDFAST|AWS)_)[A-Za-z][A-Za-z0-9_]*$/,
          'a variable name has letters, digits and _, and may not begin with HOLDFAST_ or AWS_',
        ),
      z.string(),
    )
    .optional(),
});

/** `aws` of the configuration: what is deployed. */
export const AwsConfig = z.strictObject({
  /** Prefix of the stacks' names. */
  stackName: z
    .string()
    .regex(/^[A-Za-z][A-Za-z0-9-]{0,99}$/, "use 1 to 100 letters, digits and '-', beginning with a letter")
    .optional(),
  account: z
    .string()
    .regex(/^\d{12}$/, 'an account id has 12 digits')
    .optional(),
  region: z.string().min(1).optional(),
  network: z
    .strictObject({
      vpcId: z.string().startsWith('vpc-'),
      subnetIds: z.array(z.string().startsWith('subnet-')).min(1),
      securityGroupIds: z.array(z.string().startsWith('sg-')).optional(),
    })
    .optional(),
  /** Name or ARN of a managed policy that bounds every role. */
  permissionsBoundary: z.string().min(1).optional(),
  storage: z
    .strictObject({
      /** The bucket in `repository` and the key in `kmsKey` exist already: the deployment makes neither. */
      existing: z.boolean().optional(),
      objectLock: z
        .strictObject({ mode: z.enum(['governance', 'compliance']), days: whole(1, 36_500) })
        .optional(),
      /** When packs move to another storage class. */
      transitions: z
        .array(
          z.strictObject({
            storageClass: z.enum(LATER_STORAGE_CLASSES),
            afterDays: whole(0, 36_500),
          }),
        )
        .optional(),
      noncurrentDays: whole(1, 36_500).optional(),
      exportDays: whole(1, 365).optional(),
      runDays: whole(2, 365).optional(),
    })
    .optional(),
  notifications: z
    .strictObject({
      emails: z.array(z.email()).optional(),
      webhook: z
        .strictObject({
          secret: SecretArn,
          header: z
            .string()
            .regex(/^[A-Za-z0-9-]+$/)
            .optional(),
        })
        .optional(),
    })
    .optional(),
  /** Functions and tasks call AWS through endpoints validated for FIPS 140. */
  fips: z.boolean().optional(),
  /** Functions that restore, drill, export and verify may open the records of configured sources only. */
  ownSourcesOnly: z.boolean().optional(),
  alarms: z
    .strictObject({
      backupAgeHours: whole(1, 24 * 400).optional(),
      verificationAgeDays: whole(1, 400).optional(),
      drillAgeDays: whole(1, 400).optional(),
      copyLagHours: whole(1, 24 * 400).optional(),
      /** Raises an alarm if a role other than the functions' own opens records. */
      decrypts: z
        .strictObject({
          /** ARNs of roles that people use to restore. */
          alsoBy: z
            .array(z.string().regex(/^arn:[a-z-]+:iam::\d{12}:role\/.+$/, 'not the ARN of a role'))
            .max(10)
            .optional(),
        })
        .optional(),
    })
    .optional(),
  functions: z
    .partialRecord(
      z.enum([...FUNCTION_NAMES, ...API_FUNCTION_NAMES, ...OPTIONAL_FUNCTION_NAMES]),
      FunctionSize,
    )
    .optional(),
  jobs: z.partialRecord(z.enum(MAINTENANCE_JOBS), ScheduleConfig).optional(),
  /** Estimated size of what one function reads. */
  shareMiB: whole(16, 1_048_576).optional(),
  maxConcurrency: whole(1, 1000).optional(),
  /** Backups with at least this many MiB of records are not restored or drilled by a function. */
  restoreMiB: whole(1, 1_048_576).optional(),
  fargate: z
    .strictObject({
      cpu: z.union([z.literal(512), z.literal(1024), z.literal(2048), z.literal(4096)]).optional(),
      memoryMiB: whole(1024, 30_720).optional(),
      /** Shares of at least this size run as tasks. */
      fromMiB: whole(16, 16_777_216).optional(),
      /** Whether a task keeps the snapshot open, instead of a function. */
      holder: z.boolean().optional(),
    })
    .optional(),
  /** The admin API is deployed if `api.auth` is set. */
  api: ApiGatewayConfig.optional(),
  /** Deploys the console in front of it. */
  console: HostedConsoleConfig.optional(),
  logDays: z.union([7, 14, 30, 60, 90, 180, 365].map((days) => z.literal(days))).optional(),
});
type AwsFile = z.infer<typeof AwsConfig>;

/** What is deployed; docs/reference/configuration.md, "On AWS". */
export interface AwsSettings
  extends Omit<AwsFile, 'jobs' | 'restoreMiB' | 'shareMiB' | 'fargate' | 'alarms'> {
  readonly stackName: string;
  readonly shareBytes: number;
  readonly restoreBytes: number;
  readonly fargate:
    | {
        readonly cpu: number;
        readonly memoryMiB: number;
        readonly fromBytes: number;
        readonly holder: boolean;
      }
    | undefined;
  /** Backups by type. */
  readonly schedules: Readonly<Record<string, Schedule>>;
  readonly jobs: Readonly<Partial<Record<MaintenanceJob, Schedule>>>;
  readonly alarms: {
    /** For every source without an objective of its own. Undefined if nobody has set it. */
    readonly setBackupAgeMs: number | undefined;
    readonly verificationAgeMs: number;
    readonly drillAgeMs: number;
    readonly copyLagMs: number;
    /** Undefined if nobody is told who opens records. */
    readonly decrypts: { readonly alsoBy: readonly string[] } | undefined;
  };
}

const DEFAULT_SCHEDULES: Readonly<Record<string, ScheduleSetting>> = {
  daily: '0 2 * * *',
  weekly: '0 3 * * 0',
};
const DEFAULT_JOBS: Readonly<Record<MaintenanceJob, ScheduleSetting>> = {
  verify: '0 5 * * 0',
  prune: '0 6 * * *',
  drill: '0 7 1 * *',
  lock: '0 4 * * *',
  copy: '0 8 * * *',
  watchdog: { rate: '15 minutes' },
};
const DEFAULT_SHARE_MIB = 4096;
const DEFAULT_RESTORE_MIB = 4096;
const DEFAULT_CPU = 1024;
/** MiB allowed for each CPU unit. */
const DEFAULT_MIB_PER_CPU = 4;
/** MiB that Fargate offers for each size of CPU, in steps of 1024. */
const TASK_MIB: Readonly<Record<number, readonly [least: number, most: number]>> = {
  512: [1024, 4096],
  1024: [2048, 8192],
  2048: [4096, 16_384],
  4096: [8192, 30_720],
};
const TASK_STEP_MIB = 1024;
/** Its alarms evaluate one hour. */
const WATCH_MS = HOUR_MS / 2;
const DAY_HOURS = 24;

interface AwsInput {
  readonly aws: AwsFile | undefined;
  /** By type, from the file. */
  readonly schedules: Readonly<Record<string, ScheduleSetting>> | undefined;
  /** By type, from the environment, which wins. */
  readonly envSchedules: Readonly<Record<string, string>>;
  readonly sources: readonly string[];
  readonly fileName: string;
}

/** @returns settings with their defaults; adds what is wrong to `problems` */
export function resolveAws(
  { aws = {}, schedules, envSchedules, sources, fileName }: AwsInput,
  problems: string[],
): AwsSettings {
  const {
    jobs,
    shareMiB = DEFAULT_SHARE_MIB,
    restoreMiB = DEFAULT_RESTORE_MIB,
    fargate,
    alarms,
    ...rest
  } = aws;
  const given = { ...schedules, ...envSchedules };
  const ofBackups = resolveAll(DEFAULT_SCHEDULES, given, { place: `${fileName}: schedules`, problems });
  const ofJobs = resolveAll(DEFAULT_JOBS, jobs ?? {}, { place: `${fileName}: aws.jobs`, problems });
  problems.push(...misfits(aws, ofBackups, ofJobs, sources).map((problem) => `${fileName}: ${problem}`));
  const { backupAgeHours, verificationAgeDays = 15, drillAgeDays = 40, copyLagHours = 26 } = alarms ?? {};
  const { decrypts } = alarms ?? {};
  return {
    ...rest,
    stackName: rest.stackName ?? 'Holdfast',
    shareBytes: shareMiB * MiB,
    restoreBytes: restoreMiB * MiB,
    fargate: fargate && resolveFargate(fargate, shareMiB),
    schedules: ofBackups,
    jobs: ofJobs,
    alarms: {
      setBackupAgeMs: backupAgeHours === undefined ? undefined : backupAgeHours * HOUR_MS,
      verificationAgeMs: verificationAgeDays * DAY_HOURS * HOUR_MS,
      drillAgeMs: drillAgeDays * DAY_HOURS * HOUR_MS,
      copyLagMs: copyLagHours * HOUR_MS,
      decrypts: decrypts && { alsoBy: decrypts.alsoBy ?? [] },
    },
  };
}

/** Problems with settings that do not go together. */
function misfits(
  aws: AwsFile,
  schedules: AwsSettings['schedules'],
  jobs: AwsSettings['jobs'],
  sources: readonly string[],
): string[] {
  const unknown = Object.entries(schedules).flatMap(([type, schedule]) =>
    (schedule.sources ?? [])
      .filter((name) => !sources.includes(name))
      .map((name) => `schedules.${type}.sources has '${name}', which is not a source`),
  );
  return [
    ...unknown,
    ...(aws.fargate && !aws.network ? ['aws.fargate needs aws.network: tasks run in a VPC'] : []),
    ...misfitsOfTask(aws.fargate),
    ...misfitsOfBucket(aws.storage),
    ...(jobs.watchdog && jobs.watchdog.intervalMs <= WATCH_MS
      ? []
      : [
          'aws.jobs.watchdog must be a rate of 30 minutes at most: nothing else notices a backup that never began',
        ]),
  ];
}

/** A bucket that exists already is not set up either. */
function misfitsOfBucket({ existing, ...settings }: NonNullable<AwsFile['storage']> = {}): string[] {
  if (!existing) return [];
  return Object.keys(settings).map(
    (name) =>
      `aws.storage.${name} is for a bucket that the deployment makes; with existing: true, set it on your bucket yourself`,
  );
}

/** Fargate allows only certain pairs of CPU and memory. */
function misfitsOfTask({ cpu = DEFAULT_CPU, memoryMiB }: NonNullable<AwsFile['fargate']> = {}): string[] {
  const [least, most] = TASK_MIB[cpu] ?? [0, 0];
  if (memoryMiB === undefined) return [];
  if (memoryMiB >= least && memoryMiB <= most && memoryMiB % TASK_STEP_MIB === 0) return [];
  return [
    `aws.fargate.memoryMiB is ${memoryMiB}; with a cpu of ${cpu} Fargate allows ${least} to ${most} in steps of ${TASK_STEP_MIB}`,
  ];
}

function resolveFargate(
  { cpu = DEFAULT_CPU, memoryMiB, fromMiB, holder }: NonNullable<AwsFile['fargate']>,
  shareMiB: number,
): NonNullable<AwsSettings['fargate']> {
  return {
    cpu,
    memoryMiB: memoryMiB ?? DEFAULT_MIB_PER_CPU * cpu,
    fromBytes: (fromMiB ?? 2 * shareMiB) * MiB,
    holder: holder ?? false,
  };
}

function resolveAll(
  defaults: Readonly<Record<string, ScheduleSetting>>,
  given: Readonly<Record<string, ScheduleSetting>>,
  { place, problems }: { readonly place: string; readonly problems: string[] },
): Readonly<Record<string, Schedule>> {
  const entries = Object.entries({ ...defaults, ...given }).flatMap(([name, setting]) => {
    const schedule = resolveSchedule(setting, `${place}.${name}`, problems);
    return schedule ? [[name, { ...schedule, isDefault: !Object.hasOwn(given, name) }] as const] : [];
  });
  return Object.fromEntries(entries);
}
