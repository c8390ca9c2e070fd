import { usage } from './command.ts';

/** Options of commands that take a KEY: which backups `latest` and `good` choose from. */
export const KEY_OPTIONS = {
  source: { type: 'string', short: 's' },
  type: { type: 'string' },
} as const;

/** Help on the options that choose one backup. */
export const KEY_HELP = `  -s, --source SOURCE     with \`latest\` or \`good\`: of this source, by name
      --type TYPE         with \`latest\` or \`good\`: of this type, such as daily
`;

export interface KeyFlags {
  readonly source?: string | undefined;
  readonly type?: string | undefined;
}

/** @throws E_USAGE if they would have no effect */
export function refuseKeyFlags({ source, type }: KeyFlags): void {
  if (source !== undefined || type !== undefined)
    throw usage('--source and --type need `latest` or `good`', 'Give one of these words as KEY.');
}
