import * as z from 'zod';
import { HoldfastError } from '../core/errors.ts';
import type { StoragePrice } from '../core/forecast.ts';
import { nearest } from '../core/nearest.ts';
import { KINDS, pluginNamed } from '../sources/registry.ts';
import { ApiConfig, type ApiSettings, resolveApi } from './api.ts';
import { AwsConfig, type AwsSettings, resolveAws } from './aws.ts';
import { CompressionConfig, CompressionLevelConfig, resolveCompression } from './compression.ts';
import { ContinuousConfig } from './continuous.ts';
import { CopyConfig, type CopyPlace, resolveCopies } from './copy.ts';
import { type EnvConfig, readConfigEnv } from './environment.ts';
import { hostingProblems } from './hosting.ts';
import { LockConfig, type LockSettings, resolveLock } from './lock.ts';
import type { NamedSource } from './named-source.ts';
import { NotificationsConfig, type NotifyChannel, resolveNotifications } from './notifications.ts';
import {
  DrillConfig,
  drillPlaces,
  HIDDEN_SETTINGS,
  namedPlaces,
  PLACE_SETTINGS,
  type PlaceSettings,
  Sources,
  Targets,
} from './places.ts';
import { PricesConfig, resolvePrice } from './prices.ts';
import {
  COUNT_NAMES,
  KeepConfig,
  PruneConfig,
  type PruneSettings,
  RetentionConfig,
  type RetentionPolicy,
  resolvePrune,
  resolveRetention,
  retentionProblems,
} from './retention.ts';
import { ScheduleConfig } from './schedules.ts';
import { resolveSigning, SigningConfig, type SigningSettings } from './signing.ts';
import { StorageClassConfig, type StorageClasses } from './storage.ts';
import { SuspectsConfig, type SuspectThresholds, suspectThresholds } from './suspects.ts';

const KmsKeyArn = z
  .string()
  .regex(
    /^arn:[a-z-]+:kms:[a-z0-9-]+:\d{12}:key\/.+$/,
    'not the ARN of a KMS key (arn:aws:kms:REGION:ACCOUNT:key/ID)',
  );

const FileConfig = z.strictObject({
  /** A folder, or `s3://bucket/prefix`. */
  repository: z.string().min(1).optional(),
  s3: z
    .strictObject({
      region: z.string().min(1).optional(),
      endpoint: z.url().optional(),
      forcePathStyle: z.boolean().optional(),
    })
    .optional(),
  /**
   * File that holds the 64 hex digits of the encryption key. The key itself does not belong in a
   * configuration file.
   */
  keyFile: z.string().min(1).optional(),
  /** ARN, id or alias of a symmetric key in AWS KMS, instead of a key file. */
  kmsKey: z.string().min(1).optional(),
  /** ARNs of the KMS keys that `kmsKey` replaced; what they sealed can still be opened. */
  olderKmsKeys: z.array(KmsKeyArn).max(20).optional(),
  /** Ids of recovery keys. Backups are covered by these, and by no other key in the repository. */
  recoveryKeys: z
    .array(z.string().regex(/^[0-9a-f]{32}$/, 'not the id of a recovery key (32 hex digits, on its sheet)'))
    .max(8)
    .optional(),
  /** Who signs manifests and decisions, and whose signatures are trusted. */
  signing: SigningConfig.optional(),
  sources: Sources.optional(),
  /** Where restores may write, by name. */
  targets: Targets.optional(),
  /** Who may use the admin API. */
  api: ApiConfig.optional(),
  /** Where drills make their scratch targets, by kind of source. */
  drill: DrillConfig.optional(),
  /** When backups are made, by type; on AWS. */
  schedules: z
    .record(
      z.string().regex(/^[a-z][a-z0-9-]{0,31}$/, "a type has 1 to 32 of a-z, 0-9 and '-'"),
      ScheduleConfig,
    )
    .optional(),
  /** What is deployed. */
  aws: AwsConfig.optional(),
  /** Whether changes are stored as deltas. If not, a backup never decrypts records. */
  deltas: z.boolean().optional(),
  /** Whatever backups reuse from earlier ones is read again within this many backups, and days; 0: never. */
  rereadWithin: z.number().int().min(0).max(365).optional(),
  /** S3 storage class of packs of chunks, by type of backup. */
  storageClass: StorageClassConfig.optional(),
  retention: RetentionConfig.optional(),
  keep: KeepConfig.optional(),
  prune: PruneConfig.optional(),
  /** Locks everything that backups need against removal by anybody; the bucket must have Object Lock. */
  lock: LockConfig.optional(),
  /** Where backups are copied to, by name. */
  copy: CopyConfig.optional(),
  /** Who is notified, and about what. */
  notifications: NotificationsConfig.optional(),
  /** When a backup is suspect. */
  suspects: SuspectsConfig.optional(),
  /** Storage prices, for forecasts. */
  prices: PricesConfig.optional(),
  /** How much time to give to making backups small. */
  compression: CompressionConfig.optional(),
  /** The same as a level of zstd; 0 stores as it is. */
  compressionLevel: CompressionLevelConfig.optional(),
  /** Worker threads. */
  workers: z.number().int().min(1).max(64).optional(),
  /** Memory for stored bytes that may be read again. */
  cacheMiB: z.number().int().min(4).max(4096).optional(),
});

/** `holdfast.config.ts` or `.json`; docs/reference/configuration.md. */
export type HoldfastConfig = z.input<typeof FileConfig>;

/** Gives a configuration its type: `export default defineConfig({ … })`. */
export function defineConfig(config: HoldfastConfig): HoldfastConfig {
  return config;
}

/** A configuration, checked and complete. It holds secrets. */
export interface ResolvedConfig {
  readonly repository: string | undefined;
  readonly s3: {
    readonly region?: string | undefined;
    readonly endpoint?: string | undefined;
    readonly forcePathStyle?: boolean | undefined;
  };
  /** Secret. */
  readonly encryptionKey: string | undefined;
  readonly keyFile: string | undefined;
  readonly kmsKey: string | undefined;
  readonly olderKmsKeys: readonly string[];
  readonly recoveryKeys: readonly string[];
  readonly signing: SigningSettings;
  readonly sources: readonly NamedSource[];
  /** Where restores may write, by name. */
  readonly targets: readonly NamedSource[];
  readonly api: ApiSettings;
  /** Name or URL of the source that is used if none is given. */
  readonly defaultSource: string | undefined;
  /** Where drills make their scratch targets, by kind of source. */
  readonly drill: Readonly<Partial<Record<string, PlaceSettings>>>;
  readonly isEnabled: boolean;
  readonly retention: RetentionPolicy;
  readonly prune: PruneSettings;
  /** Undefined: nothing is locked. */
  readonly lock: LockSettings | undefined;
  readonly aws: AwsSettings;
  /** Whether changes are stored as deltas. */
  readonly deltas: boolean;
  /** Undefined: the default. */
  readonly rereadWithin: number | undefined;
  readonly storageClass: StorageClasses;
  readonly suspects: SuspectThresholds;
  /** Where backups are copied to. */
  readonly copies: readonly CopyPlace[];
  /** Who is notified, and about what. */
  readonly channels: readonly NotifyChannel[];
  /** Storage price; undefined if not known. */
  readonly price: StoragePrice | undefined;
  readonly compressionLevel: number | undefined;
  readonly workers: number | undefined;
  readonly cacheMiB: number | undefined;
}

/** What a configuration is resolved from. */
export interface ConfigInput {
  /** Content of the configuration file; undefined without one. */
  readonly file: unknown;
  /** For messages. */
  readonly fileName: string;
  readonly env: Readonly<Record<string, string | undefined>>;
  readonly flags: { readonly repository?: string | undefined; readonly source?: string | undefined };
}

/**
 * File, then environment, then flags: the later wins. Frozen.
 *
 * @throws E_CONFIG naming every problem of all three
 */
export function resolveConfig({ file, fileName, env, flags }: ConfigInput): ResolvedConfig {
  const parsed = FileConfig.safeParse(file ?? {});
  const problems = parsed.success
    ? []
    : parsed.error.issues.flatMap((issue) => describeIssue(issue, fileName, file));
  const fromFile = parsed.data ?? {};
  const fromEnv = readConfigEnv(env, problems);
  const keys = readKeys(fromEnv, fromFile, problems);
  const retention = resolveRetention(fromFile.retention, fromFile.keep, fromEnv.retention);
  problems.push(...retentionProblems(retention, fileName));
  problems.push(...hostingProblems(fromFile).map((problem) => `${fileName}: ${problem}`));
  const aws = resolveAws(
    {
      aws: fromFile.aws,
      schedules: fromFile.schedules,
      envSchedules: fromEnv.schedules,
      sources: Object.keys(fromFile.sources ?? {}),
      fileName,
    },
    problems,
  );
  const prune = resolvePrune(fromFile.prune);
  const signing = resolveSigning(fromFile.signing, fromEnv.signingKeyFile, problems);
  const s3 = resolveS3(fromFile, fromEnv);
  const { graceMs } = prune;
  const copies = resolveCopies({ file: fromFile, endpoint: s3.endpoint, graceMs, fileName }, problems);
  const { notifications } = fromFile;
  const names = Object.keys(fromFile.sources ?? {});
  const channels = resolveNotifications({ notifications, sources: names, fileName }, problems);
  const compressionLevel = resolveCompression(fromFile, fromEnv.compressionLevel, problems);
  refuseProblems(problems);
  const repository = flags.repository ?? fromEnv.repository ?? fromFile.repository;
  return deepFreeze({
    repository,
    s3,
    ...keys,
    signing,
    sources: namedPlaces(fromFile.sources),
    targets: namedPlaces(fromFile.targets),
    api: resolveApi(fromFile.api),
    defaultSource:
      flags.source ??
      fromEnv.source ??
      (Object.keys(fromFile.sources ?? {}).length === 0 ? fromEnv.databaseUrl : undefined),
    drill: drillPlaces(fromFile.drill),
    isEnabled: fromEnv.isEnabled,
    retention,
    lock: resolveLock(fromFile.lock ?? lockOfBucket(fromFile), retention),
    prune,
    copies,
    channels,
    price: resolvePrice(fromFile.prices, { repository, endpoint: s3.endpoint }),
    aws,
    deltas: fromFile.deltas ?? true,
    rereadWithin: fromFile.rereadWithin,
    storageClass: fromFile.storageClass ?? {},
    suspects: suspectThresholds(fromFile.suspects),
    compressionLevel,
    workers: fromFile.workers,
    cacheMiB: fromFile.cacheMiB,
  });
}

function resolveS3({ s3 }: Partial<z.infer<typeof FileConfig>>, env: EnvConfig): ResolvedConfig['s3'] {
  const region = env.region ?? s3?.region;
  const endpoint = env.endpoint ?? s3?.endpoint;
  return {
    ...s3,
    ...(region === undefined ? {} : { region }),
    ...(endpoint === undefined ? {} : { endpoint }),
  };
}

/** A deployment that makes a bucket with locks also renews those locks. */
function lockOfBucket({ aws }: Partial<z.infer<typeof FileConfig>>): z.infer<typeof LockConfig> | undefined {
  const made = aws?.storage?.objectLock;
  return made && { mode: made.mode };
}

function readKeys(
  env: EnvConfig,
  file: Partial<z.infer<typeof FileConfig>>,
  problems: string[],
): Pick<ResolvedConfig, 'encryptionKey' | 'keyFile' | 'kmsKey' | 'olderKmsKeys' | 'recoveryKeys'> {
  const { encryptionKey } = env;
  const keyFile = env.keyFile ?? file.keyFile;
  const kmsKey = env.kmsKey ?? file.kmsKey;
  if (kmsKey !== undefined && (encryptionKey ?? keyFile) !== undefined)
    problems.push(
      'a KMS key and a key of 64 hex digits are both configured; keep the one that the repository was made with',
    );
  const { olderKmsKeys = [], recoveryKeys = [] } = file;
  return { encryptionKey, keyFile, kmsKey, olderKmsKeys, recoveryKeys };
}

/** @throws E_CONFIG */
function refuseProblems(problems: readonly string[]): void {
  if (problems.length > 0) {
    const list = problems.map((problem) => `\n  - ${problem}`).join('');
    throw new HoldfastError(
      'E_CONFIG',
      `the configuration has ${problems.length === 1 ? 'a problem' : `${problems.length} problems`}:${list}`,
      {
        hint: 'See docs/reference/configuration.md.',
        details: { problems: problems.length },
      },
    );
  }
}

function describeIssue(issue: z.core.$ZodIssue, fileName: string, file: unknown): string[] {
  const place = issue.path.join('.');
  if (issue.code !== 'unrecognized_keys') {
    const got = typeof place === 'string' && place !== '' ? gotAt(file, issue.path) : '';
    const message = issue.code === 'invalid_key' ? (issue.issues[0]?.message ?? '') : issue.message;
    return [`${fileName}: ${place || 'the whole file'}: ${message}${got}`];
  }
  return issue.keys.map((key) => {
    const meant = nearest(key, knownAt(issue.path));
    return `${fileName}: ${[...issue.path, key].join('.')} is not a setting${meant ? `; did you mean ${meant}?` : ''}`;
  });
}

/** The value at a path, if it may be shown: connection strings may hold a secret. */
function gotAt(file: unknown, path: readonly PropertyKey[]): string {
  let value = file;
  for (const key of path)
    value =
      typeof value === 'object' && value !== null ? (value as Record<PropertyKey, unknown>)[key] : undefined;
  const isShown =
    !path.some((name) => HIDDEN_SETTINGS.includes(String(name))) &&
    path.at(-1) !== 'signingKey' &&
    (typeof value === 'number' || typeof value === 'boolean' || typeof value === 'string');
  return isShown ? ` (got ${JSON.stringify(value)})` : '';
}

const PLACE_OR_KIND = ['kind', 'rpo', 'continuous', ...PLACE_SETTINGS];

/** The settings in each part of the file. */
const KNOWN: Readonly<Record<string, readonly string[]>> = {
  s3: ['region', 'endpoint', 'forcePathStyle'],
  suspects: Object.keys(SuspectsConfig.shape),
  copy: Object.keys(CopyConfig.valueType.shape),
  schedules: ['cron', 'timeZone', 'rate', 'sources'],
  keep: COUNT_NAMES,
  prune: Object.keys(PruneConfig.shape),
  prices: Object.keys(PricesConfig.shape),
  lock: Object.keys(LockConfig.shape),
  signing: Object.keys(SigningConfig.shape),
};
/** The settings directly in it, for parts whose nested settings differ. */
const KNOWN_AT_TOP: Readonly<Record<string, readonly string[]>> = {
  drill: KINDS.map(({ kind }) => kind),
  aws: Object.keys(AwsConfig.shape),
  api: Object.keys(ApiConfig.shape),
  notifications: Object.keys(NotificationsConfig.shape),
};

function knownAt(path: readonly PropertyKey[]): readonly string[] {
  const [part, ...below] = path.map(String);
  if (part === undefined) return Object.keys(FileConfig.shape);
  const atTop = below.length === 0 ? KNOWN_AT_TOP[part] : undefined;
  if (atTop || KNOWN[part]) return atTop ?? KNOWN[part] ?? [];
  if (part === 'drill') return drillSettings(String(path[1]));
  if (path.at(-1) === 'continuous') return Object.keys(ContinuousConfig.shape);
  return part === 'aws' || part === 'notifications' ? [] : PLACE_OR_KIND;
}

function drillSettings(kind: string): readonly string[] {
  const { settings, drillSettings: own = settings } = pluginNamed(kind) ?? {};
  return Object.keys(own?.shape ?? {});
}

function deepFreeze<T>(value: T): T {
  if (typeof value === 'object' && value !== null) {
    for (const inner of Object.values(value)) deepFreeze(inner);
    Object.freeze(value);
  }
  return value;
}
