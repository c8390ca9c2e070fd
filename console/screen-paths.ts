/**
 * Every screen, by its place in the address. Each has a view (`app.tsx`) and a row in the accessibility test.
 */
export const SCREENS = {
  overview: '',
  backups: 'backups',
  backup: 'backups/{name}',
  rows: 'rows/{name}',
  compare: 'compare/{name}',
  history: 'history',
  changes: 'changes/{name}',
  restore: 'restore',
  restoreOf: 'restore/{name}',
  runs: 'runs',
  run: 'runs/{name}',
  drills: 'drills',
  drill: 'drills/{name}',
  retention: 'retention',
  notifications: 'notifications',
  audit: 'audit',
  apiKeys: 'api-keys',
  configuration: 'configuration',
  more: 'more',
} as const;

/** A screen, by its name in the code. */
export type ScreenId = keyof typeof SCREENS;

/** The screen of a path, and the value of `{name}`; undefined if there is none. */
export function screenOf(path: string): { readonly id: ScreenId; readonly name: string } | undefined {
  const [area = '', name, ...rest] = path.split('/');
  const pattern = name === undefined ? area : `${area}/{name}`;
  const id = (Object.keys(SCREENS) as ScreenId[]).find((one) => SCREENS[one] === pattern);
  return id === undefined || rest.length > 0 || name === '' ? undefined : { id, name: name ?? '' };
}
