import { changesFolder } from '../../../shared/format/change-keys.ts';
import { REPORT_KINDS, type ReportKind } from '../../../shared/format/report.ts';
import { deploymentOf, FULL_CONFIG } from './deployment.ts';
import { BUCKET, isAllowed, KEY, type Request, resourcePolicies } from './policy-simulator.ts';

/** A deployment with everything. */
export const FULL = deploymentOf(FULL_CONFIG);
/** The policies of its bucket and key. */
export const resources = resourcePolicies(FULL.storage);
/** What a request says that replaces nothing. */
export const ONCE = { 's3:if-none-match': '*', 's3:ObjectCreationOperation': 'true' };
export const PURPOSES = ['repository', 'manifest', 'index', 'data', 'changes'];
export const PACK = 'data/ab/abcd';
/** Of the source that is polled, and of another one. */
export const SEGMENT = `${changesFolder({ kind: 'postgres', name: 'shop' })}999999999998`;
const OTHER_SEGMENT = `${changesFolder({ kind: 'postgres', name: 'other' })}999999999998`;
export const SEGMENTS = [SEGMENT, OTHER_SEGMENT];
export const MANIFEST = 'backups/daily/20261126/backup_daily_20261126_020000.json';
const reportOf = (kind: string) => `reports/${kind}/20261126/${kind}_20261126_020000_abcdef01.json`;
export const reports = (...kinds: readonly ReportKind[]) => kinds.map(reportOf);
export const REPORTS = REPORT_KINDS.map(reportOf);
export const WRAP = 'recovery/ab/cd';
export const CANCEL = 'runs/abcd/cancel';
export const RELEASE = 'runs/abcd/released';
export const RUN = ['runs/abcd/plan', CANCEL, RELEASE];
export const BUNDLE = 'bundles/20261126_020000_0123abcd';
/** An object of each kind. */
export const OBJECTS = [
  'repository.json',
  'keys/0123.json',
  'keys/recovery/0123.json',
  WRAP,
  PACK,
  ...SEGMENTS,
  MANIFEST,
  'backups/_spoilt/abcd',
  `expired/20261126T020000Z/${MANIFEST}`,
  ...REPORTS,
  BUNDLE,
  'runs/abcd/plan',
  CANCEL,
  RELEASE,
  'exports/shop.sql',
];
/** The public half of a recovery key: whoever may put one has every backup's keys wrapped to it. */
const RECOVERY_KEY = 'keys/recovery/0123.json';
export const HEAD = ['repository.json', 'keys/0123.json', RECOVERY_KEY];
export const EXPIRED = `expired/20261126T020000Z/${MANIFEST}`;
export const LISTED = [...HEAD, MANIFEST, 'backups/_spoilt/abcd', EXPIRED, ...REPORTS, BUNDLE];
export const LOCKED = [...HEAD, WRAP, MANIFEST, 'backups/_spoilt/abcd', ...REPORTS, PACK, ...SEGMENTS];

type Policies = Parameters<typeof isAllowed>[0];

/** Whether policies allow something to an object. */
export function onObject(
  policies: Policies,
  action: string,
  key: string,
  context: Request['context'] = {},
): boolean {
  return isAllowed(policies, resources.bucket, { action, resource: `${BUCKET}/live/${key}`, context });
}

/** Whether they allow something to the repository's key, for a purpose. */
export function onKey(policies: Policies, action: string, purpose: string): boolean {
  const context = { 'kms:EncryptionContext:purpose': purpose };
  return isAllowed(policies, resources.key, { action, resource: KEY, context });
}

export const allowed = (all: readonly string[], test: (one: string) => boolean) => all.filter(test).sort();
export const sorted = (list: readonly string[]) => [...list].sort();
