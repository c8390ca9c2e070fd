/**
 * Names of the admin API that need no schema: a browser loads them without the rest. docs/reference/api.md.
 */

/** Every route is below this path. */
export const API_BASE = '/api/admin/backup';

/**
 * The same routes behind API Gateway, for API keys only: the gateway lets them through, and the function
 * checks the key.
 */
export const API_KEY_BASE = '/api/keys/backup';

/**
 * What a caller may do. Every role includes `viewer`; none includes another.
 *
 * - `viewer`: looks.
 * - `operator`: backs up, verifies, drills, holds, accepts.
 * - `restorer`: downloads and restores.
 * - `admin`: makes and revokes API keys.
 */
export const ROLES = ['viewer', 'operator', 'restorer', 'admin'] as const;
/** A role of the admin API. */
export type Role = (typeof ROLES)[number];

/** Roles that an API key may have: no key can make another key. */
export const KEY_ROLES = ['viewer', 'operator', 'restorer'] as const satisfies readonly Role[];
/** A role that an API key may have. */
export type KeyRole = (typeof KEY_ROLES)[number];
/** Days that a new API key is valid by default. */
export const DEFAULT_KEY_DAYS = 90;

/** Whether somebody with these roles may do what needs `role`. */
export function hasRole(roles: readonly Role[], role: Role): boolean {
  return roles.includes(role) || (role === 'viewer' && roles.length > 0);
}

/** The role needed to cancel a run of a kind: the same as to begin it. */
export function roleToCancel(kind: string): Role {
  return kind === 'restore' || kind === 'export' ? 'restorer' : 'operator';
}

/** Requests are counted by class; each class has its own limit. */
export const LIMIT_CLASSES = ['read', 'poll', 'write'] as const;
/** A class of requests that are counted together. */
export type LimitClass = (typeof LIMIT_CLASSES)[number];

/** What an audit entry is about. */
export const AUDIT_ACTIONS = [
  'create',
  'look',
  'download',
  'export',
  'restore-plan',
  'restore',
  'verify',
  'drill',
  'hold',
  'release',
  'accept',
  'prune',
  'repair',
  'cancel',
  'copy',
  'lock',
  'apikey',
  'revoke',
] as const;
/** Something that the audit trail has entries of. */
export type AuditAction = (typeof AUDIT_ACTIONS)[number];

/** How the audited action ended. */
export const AUDIT_OUTCOMES = [
  'begun',
  'done',
  'failed',
  'equal',
  'different',
  'whole',
  'damaged',
  'blocked',
] as const;
/** How it ended. */
export type AuditOutcome = (typeof AUDIT_OUTCOMES)[number];

/** Export formats of the audit trail. */
export const AUDIT_FORMATS = ['csv', 'ndjson'] as const;
/** A form that the audit trail is exported in. */
export type AuditFormat = (typeof AUDIT_FORMATS)[number];

/** Forms of exports, of all kinds of database together. */
export const EXPORT_FORMATS = ['sql', 'csv', 'json', 'ndjson'] as const;
