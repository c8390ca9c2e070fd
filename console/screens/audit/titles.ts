import type { AuditAction, AuditOutcome } from '../../../shared/core/api-names.ts';

const ACTIONS: Readonly<Record<AuditAction, string>> = {
  create: 'Backup',
  look: 'Look at rows',
  download: 'Download',
  export: 'Export',
  'restore-plan': 'Restore plan',
  restore: 'Restore',
  verify: 'Verification',
  drill: 'Drill',
  hold: 'Hold',
  release: 'Release',
  accept: 'Acceptance',
  prune: 'Prune',
  repair: 'Repair',
  cancel: 'Cancellation',
  lock: 'Lock',
  apikey: 'API key made',
  revoke: 'API key revoked',
  copy: 'Copy',
};

/** What an action is called. */
export function actionTitle(action: AuditAction): string {
  return ACTIONS[action];
}

/** How an outcome is called. */
export function outcomeTitle(outcome: AuditOutcome): string {
  return outcome.charAt(0).toUpperCase() + outcome.slice(1);
}
