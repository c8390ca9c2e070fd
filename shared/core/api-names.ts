/** Names of the admin API that need no schema: what a browser loads without the rest. docs/api.md. */

/** Every route lies below it. */
export const API_BASE = '/api/admin/backup';

/**
 * What a caller may do. `operator` and `restorer` may all that `viewer` may; neither includes the other.
 *
 * - `viewer`: looks.
 * - `operator`: backs up, verifies, drills, holds, accepts.
 * - `restorer`: downloads and restores.
 */
export const ROLES = ['viewer', 'operator', 'restorer'] as const;
export type Role = (typeof ROLES)[number];

/** Whether somebody with these roles may do what needs `role`. */
export function hasRole(roles: readonly Role[], role: Role): boolean {
  return roles.includes(role) || (role === 'viewer' && roles.length > 0);
}

/** What cancelling a run of a kind needs: the role that beginning it needs. */
export function roleToCancel(kind: string): Role {
  return kind === 'restore' || kind === 'export' ? 'restorer' : 'operator';
}

/** Requests are counted by class: each has a limit of its own. */
export const LIMIT_CLASSES = ['read', 'poll', 'write'] as const;
export type LimitClass = (typeof LIMIT_CLASSES)[number];

/** What an audit entry is of. */
export const AUDIT_ACTIONS = [
  'create',
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
] as const;
export type AuditAction = (typeof AUDIT_ACTIONS)[number];

/** How what an audit entry is of ended. */
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
export type AuditOutcome = (typeof AUDIT_OUTCOMES)[number];

/** What the audit trail can be exported as. */
export const AUDIT_FORMATS = ['csv', 'ndjson'] as const;
export type AuditFormat = (typeof AUDIT_FORMATS)[number];
