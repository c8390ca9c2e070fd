/** `source` of every event that Holdfast puts on the bus. */
export const EVENT_SOURCE = 'holdfast';
/** `schema` of the details; docs/reference/events.schema.json. */
export const EVENT_SCHEMA = 1;

/** `detail-type` of events. */
export type EventType =
  | 'Backup Succeeded'
  | 'Backup Suspect'
  | 'Backup Failed'
  | 'Backup Duplicate'
  | 'Backup Missed'
  | 'Schedule Off'
  | 'Verification Failed'
  | 'Lock Failed'
  | 'Copy Failed'
  | 'Restore Finished'
  | 'Drill Succeeded'
  | 'Drill Failed'
  | 'Proof Succeeded'
  | 'Proof Failed'
  | 'Prune Finished';

/** Events that need somebody's attention. */
export const ALERT_TYPES: readonly EventType[] = [
  'Backup Suspect',
  'Backup Failed',
  'Backup Missed',
  'Schedule Off',
  'Verification Failed',
  'Lock Failed',
  'Drill Failed',
  'Proof Failed',
  'Copy Failed',
];

/** `detail-type` of notifications sent to an event bus, by kind; docs/reference/notifications.md. */
export const NOTIFICATION_TYPES = {
  alarm: 'Notification Alarm',
  improved: 'Notification Improved',
  recovered: 'Notification Recovered',
  reminder: 'Notification Reminder',
  run: 'Notification Run',
  digest: 'Notification Digest',
  test: 'Notification Test',
} as const;
