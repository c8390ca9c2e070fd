import { parse } from './command.ts';

/** Options of all actions. */
export const PITR_OPTIONS = {
  source: { type: 'string', short: 's' },
  once: { type: 'boolean', default: false },
  'no-backup': { type: 'boolean', default: false },
  print: { type: 'boolean', default: false },
  'all-tables': { type: 'boolean', default: false },
  ddl: { type: 'boolean', default: false },
  yes: { type: 'boolean', short: 'y', default: false },
} as const;

/** What an action is given. */
export type PitrFlags = ReturnType<typeof parsePitr>['values'];

/** An action, and for `prove` a backup. @throws E_USAGE */
export function parsePitr(argv: readonly string[]) {
  return parse(argv, PITR_OPTIONS, 2);
}
