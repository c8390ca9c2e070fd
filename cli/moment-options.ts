import { usage } from './command.ts';

/** Options of `restore` that mean a moment. */
export const MOMENT_OPTIONS = {
  at: { type: 'string' },
  'before-transaction': { type: 'string' },
} as const;

/** Their help. */
export const MOMENT_HELP = `      --at MOMENT         instead of KEY: a moment of a source with continuous backup, by its server's clock: a date, a
                          time and a zone ('2026-11-29 10:15:30+01'), or \`latest\` for everything that is stored
      --before-transaction ID  instead of KEY: the moment just before this transaction was committed
`;

/** What `restore` was given. */
export interface MomentFlags {
  readonly at?: string | undefined;
  readonly 'before-transaction'?: string | undefined;
  readonly source?: string | undefined;
  readonly type?: string | undefined;
  readonly to?: string | undefined;
  readonly compare?: string | undefined;
  readonly 'dry-run'?: boolean | undefined;
  readonly yes?: boolean | undefined;
  readonly quiet?: boolean | undefined;
}

/** Whether a moment is meant, and not a backup. @throws E_USAGE if both are */
export function isOfMoment(values: MomentFlags, key: string | undefined): boolean {
  const { at, 'before-transaction': before, type } = values;
  if (at === undefined && before === undefined) return false;
  if (at !== undefined && before !== undefined)
    throw usage('--at and --before-transaction name two moments', 'Give one of them.');
  if (key !== undefined)
    throw usage(
      `'${key}' is one argument too many`,
      'A moment is restored from the newest backup before it: leave KEY out.',
    );
  if (type !== undefined) throw usage('--type chooses a backup, not a moment', 'Leave out --type.');
  return true;
}
