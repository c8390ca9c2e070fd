import { PolicyStatement } from 'aws-cdk-lib/aws-iam';
import type { DeployedFunction } from '../../shared/config/aws.ts';
import type { LockSettings } from '../../shared/config/lock.ts';
import { LOCKED_FOLDERS, lockStatements } from './lock-statements.ts';

/** What a key opens: `purpose` in KMS's encryption context (docs/reference/security.md). */
type Purpose = 'repository' | 'manifest' | 'index' | 'data' | 'changes';

/**
 * What one job may do to bucket and key. Folders are relative to the repository; docs/reference/security.md
 * has the table.
 */
interface Permissions {
  /** Folders, or objects, that it may read. */
  readonly get: readonly string[];
  readonly put: readonly string[];
  readonly delete: readonly string[];
  /** Purposes of data keys that it may make. */
  readonly generate: readonly Purpose[];
  readonly decrypt: readonly Purpose[];
  /** Whose locks it may see, if there are any. */
  readonly seeLocks?: readonly string[];
  /** Whose locks it may extend. */
  readonly lock?: readonly string[];
}

/** A repository in a bucket, for policies. */
export interface RepositoryPlace {
  readonly bucketArn: string;
  /** Ends in `/`, or is empty. */
  readonly prefix: string;
  /** The key, then those that it replaced. */
  readonly keyArns: readonly [string, ...string[]];
  /** If false, backups never decrypt records. */
  readonly deltas: boolean;
  /**
   * Sources that are backed up: only their records may be sealed, and opened for deltas. Data keys of backups
   * of format 1 are not bound to a source. @default all
   */
  readonly sources?: readonly string[] | undefined;
  /** Whether restoring and verifying roles also open records of these sources only. */
  readonly ownSourcesOnly?: boolean | undefined;
  /** Where the changes lie that a role may read, from the repository on; null: nowhere. @default those of all sources */
  readonly changes?: string | null | undefined;
  /** The KMS key that signs manifests and decisions; undefined: KMS signs nothing. */
  readonly signingKeyArn?: string | undefined;
  /** How objects are locked; undefined: they are not. */
  readonly lock?: LockSettings | undefined;
}

const HEAD = ['repository.json', 'repository-2.json', 'keys/*'];
/** Copies of objects in `backups/` and `reports/`, for faster reading. */
const BUNDLES = 'bundles/*';
const LISTED = [...HEAD, 'backups/*', 'expired/*', 'reports/*', BUNDLES];
const EVERYTHING = [...LISTED, 'data/*'];
/** Change segments. `changes` opens what they say of themselves, `data` the changes. */
const CHANGES = 'changes/*';
/** What a restore reads. */
const RESTORED = [...HEAD, 'recovery/*/*', 'backups/*', 'data/*', CHANGES];
/** Notes of runs, which no backup needs. */
const HISTORY = 'history/*';
/** What channels of notifications were told. */
const NOTICES = 'notices/*';
/** Keys wrapped to recovery keys. Those keys themselves are below `keys/`, where no role writes. */
const WRAPS = ['recovery/*/*'];
/** The request to stop a run, or to release its snapshot. */
const CANCELS = 'runs/*/cancel';
const RELEASES = 'runs/*/released';
const REPORT_KEYS: readonly Purpose[] = ['manifest', 'index'];
const ALL_PURPOSES: readonly Purpose[] = ['repository', 'manifest', 'index', 'data'];
/** Roles that sign: all others can check, but cannot forge. */
const SIGNERS: readonly DeployedFunction[] = ['commit', 'decide'];
/** They seal records, and so those of their own sources alone. */
const SEALERS: readonly DeployedFunction[] = ['backup-partition', 'poll'];
/** Kinds of reports that a job writes: docs/reference/format.md, "Report". */
const reports = (...kinds: readonly string[]) => kinds.map((kind) => `reports/${kind}/*`);
const NOTHING: Permissions = { get: [], put: [], delete: [], generate: [], decrypt: [] };

/** Also what happened between backups. */
const withChanges = (permissions: Permissions): Permissions => ({
  ...permissions,
  get: [...permissions.get, CHANGES],
  decrypt: [...permissions.decrypt, 'changes'],
});

function permissionsOf(
  name: DeployedFunction,
  { deltas, changes: folder = CHANGES }: Pick<RepositoryPlace, 'deltas' | 'changes'>,
): Permissions {
  const changes = folder === null ? [] : [folder];
  const writer: Permissions = {
    ...NOTHING,
    get: [...EVERYTHING, 'runs/*'],
    put: ['runs/*'],
    generate: REPORT_KEYS,
    decrypt: ['repository', 'manifest', 'index'],
  };
  // Checks whether a key was already wrapped.
  const wrapper: Permissions = { ...writer, get: [...writer.get, ...WRAPS] };
  const reader: Permissions = {
    ...NOTHING,
    get: EVERYTHING,
    generate: REPORT_KEYS,
    decrypt: ALL_PURPOSES,
  };
  // Checks whether somebody has cancelled it.
  const stoppable: Permissions = {
    ...reader,
    get: [...EVERYTHING, CANCELS],
    put: [...reports('audit'), HISTORY],
  };
  const table: Readonly<Record<DeployedFunction, Permissions>> = {
    // The first plan makes the repository.
    plan: {
      ...writer,
      put: ['repository.json', 'runs/*', HISTORY],
      generate: ['repository', ...REPORT_KEYS],
    },
    hold: writer,
    // Only this function reads the database, and so only it seals records.
    'backup-partition': {
      ...wrapper,
      put: ['data/*', 'runs/*', ...WRAPS],
      generate: [...writer.generate, 'data'],
      decrypt: [...writer.decrypt, ...(deltas ? (['data'] as const) : [])],
    },
    commit: { ...wrapper, put: ['data/*', 'backups/*', 'runs/*', BUNDLES, HISTORY, ...WRAPS] },
    // Marks of spoilt packs make the next backup store their content again.
    verify: withChanges({ ...reader, put: [...reports('verify'), 'backups/_spoilt/*'] }),
    restore: withChanges(stoppable),
    'put-back': stoppable,
    // It writes who looked at what, and nothing else.
    look: withChanges({ ...reader, put: reports('audit') }),
    drill: withChanges({ ...stoppable, put: [...reports('audit', 'drill'), HISTORY] }),
    // It compares backups with the changes between them, and writes what came of it.
    prove: withChanges({ ...reader, put: reports('proof') }),
    export: {
      ...stoppable,
      get: [...stoppable.get, 'exports/*'],
      put: [...reports('audit'), 'exports/*', HISTORY],
    },
    prune: {
      // To find the wrapped keys of a run.
      get: [...LISTED, ...WRAPS, CHANGES],
      // A backup that was held while it was being unlisted is listed again.
      put: ['expired/*', ...reports('audit', 'prune'), 'backups/*', BUNDLES],
      // Old notes of runs are removed too.
      delete: ['data/*', 'backups/*', 'expired/*', BUNDLES, HISTORY, ...WRAPS, CHANGES],
      generate: REPORT_KEYS,
      decrypt: ['repository', 'manifest'],
      seeLocks: ['data/*', 'backups/*', 'expired/*', ...WRAPS, CHANGES],
    },
    lock: { ...NOTHING, get: LISTED, seeLocks: LOCKED_FOLDERS, lock: LOCKED_FOLDERS },
    // What it puts is in second places: copy-statements.ts.
    copy: { ...NOTHING, get: [...EVERYTHING, ...WRAPS, CHANGES] },
    // It follows its own segments, and reads neither backups nor the records in these.
    poll: {
      ...NOTHING,
      get: [...HEAD, ...WRAPS, ...changes],
      put: [...changes, ...WRAPS],
      generate: ['changes', 'data'],
      decrypt: ['repository', 'changes'],
    },
    // It relies on nothing that polls rely on.
    'poll-watchdog': NOTHING,
    // Whatever makes a backup look young is proven.
    watchdog: { ...NOTHING, get: [...LISTED, HISTORY, ...changes], decrypt: ['manifest', 'changes'] },
    // A link to an export works only if its maker may read it. Which moments can be restored, segments say.
    'admin-api': {
      ...NOTHING,
      get: [...LISTED, 'exports/*', HISTORY, NOTICES, CHANGES],
      decrypt: ['changes'],
      seeLocks: RESTORED,
    },
    // Leaves the request to stop a run, and reads earlier ones.
    decide: {
      ...NOTHING,
      get: [...LISTED, CANCELS, RELEASES],
      put: [
        ...reports('accept', 'apikey', 'audit', 'hold', 'keyuse', 'release', 'revoke'),
        CANCELS,
        RELEASES,
      ],
      generate: REPORT_KEYS,
      decrypt: ['repository', 'manifest', 'index'],
    },
  };
  return table[name];
}

/** The statements of one job's role on bucket and key. */
export function repositoryStatements(name: DeployedFunction, place: RepositoryPlace): PolicyStatement[] {
  const { bucketArn, prefix, keyArns } = place;
  const permissions = permissionsOf(name, place);
  if (permissions === NOTHING) return [];
  const objects = (sid: string, action: string, folders: readonly string[]) =>
    folders.length === 0
      ? []
      : [
          new PolicyStatement({
            sid,
            actions: [action],
            resources: folders.map((folder) => `${bucketArn}/${prefix}${folder}`),
          }),
        ];
  const key = (
    sid: string,
    action: string,
    on: { readonly arns: readonly string[]; readonly purposes: readonly Purpose[] },
  ) =>
    on.purposes.length === 0
      ? []
      : [
          new PolicyStatement({
            sid,
            actions: [action],
            resources: [...on.arns],
            conditions: {
              StringEquals: { 'kms:EncryptionContext:purpose': [...on.purposes] },
              ...(on.purposes.includes('data') ? ofSources(name, place) : {}),
            },
          }),
        ];
  return [
    new PolicyStatement({ sid: 'List', actions: ['s3:ListBucket'], resources: [bucketArn] }),
    ...objects('Get', 's3:GetObject', permissions.get),
    ...objects('Put', 's3:PutObject', permissions.put),
    ...objects('Delete', 's3:DeleteObject', permissions.delete),
    ...lockStatements(permissions, place),
    ...key('Generate', 'kms:GenerateDataKey', { arns: [keyArns[0]], purposes: permissions.generate }),
    ...key('Decrypt', 'kms:Decrypt', { arns: keyArns, purposes: permissions.decrypt }),
    ...(SIGNERS.includes(name) ? signStatements(place) : []),
  ];
}

/** The context of keys of other purposes, and of data keys of format 1, has no source. */
function ofSources(name: DeployedFunction, { sources, ownSourcesOnly }: RepositoryPlace) {
  if (!sources || (!SEALERS.includes(name) && !ownSourcesOnly)) return {};
  return { StringEqualsIfExists: { 'kms:EncryptionContext:source': [...sources] } };
}

function signStatements({ signingKeyArn }: RepositoryPlace): PolicyStatement[] {
  if (signingKeyArn === undefined) return [];
  const sign = new PolicyStatement({
    sid: 'Sign',
    actions: ['kms:Sign'],
    resources: [signingKeyArn],
    conditions: { StringEquals: { 'kms:SigningAlgorithm': 'ECDSA_SHA_256', 'kms:MessageType': 'DIGEST' } },
  });
  const ask = new PolicyStatement({
    sid: 'SigningKey',
    actions: ['kms:GetPublicKey'],
    resources: [signingKeyArn],
  });
  return [sign, ask];
}
