import type { IconName } from './ui/icon.tsx';

/** A screen of the navigation. */
export interface Entry {
  readonly path: string;
  readonly name: string;
  readonly icon: IconName;
}

/** Screens with room in a phone's bar. */
export const FIRST: readonly Entry[] = [
  { path: '', name: 'Overview', icon: 'overview' },
  { path: 'backups', name: 'Backups', icon: 'backups' },
  { path: 'runs', name: 'Runs', icon: 'runs' },
  { path: 'drills', name: 'Drills', icon: 'drill' },
];

/** On a phone, under More. */
export const OTHERS: readonly Entry[] = [
  { path: 'retention', name: 'Retention', icon: 'retention' },
  { path: 'notifications', name: 'Notifications', icon: 'bell' },
  { path: 'audit', name: 'Audit', icon: 'audit' },
  { path: 'configuration', name: 'Configuration', icon: 'plug' },
];

/** Only on a phone. */
export const MORE: Entry = { path: 'more', name: 'More', icon: 'more' };
