/** `source` of every event that Holdfast puts on the bus. */
export const EVENT_SOURCE = 'holdfast';
/** `schema` of the details; docs/events.schema.json. */
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
  | 'Prune Finished';

/** Events that somebody must look at. */
export const ALERT_TYPES: readonly EventType[] = [
  'Backup Suspect',
  'Backup Failed',
  'Backup Missed',
  'Schedule Off',
  'Verification Failed',
  'Lock Failed',
  'Drill Failed',
  'Copy Failed',
];
