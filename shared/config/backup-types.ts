import { HoldfastError } from '../core/errors.ts';
import { parseBackupType } from '../core/ids.ts';
import { nearest } from '../core/nearest.ts';
import type { ResolvedConfig } from './config.ts';

/** Each has days of retention, whatever the configuration says. */
const BUILT_IN = ['daily', 'weekly', 'manual'] as const;

type Configured = Pick<ResolvedConfig, 'retention' | 'storageClass'> & {
  readonly aws: Pick<ResolvedConfig['aws'], 'schedules'>;
};

/** Types that a backup may be given. */
export interface BackupTypes {
  /** Those of the configuration, then those that are built in. */
  readonly names: readonly string[];
  /** The configuration has days for `'*'`: any other will do too. */
  readonly isOpen: boolean;
}

export function backupTypes({ aws, retention, storageClass }: Configured): BackupTypes {
  const configured = [aws.schedules, retention.days, storageClass].flatMap((types) => Object.keys(types));
  const names = [...new Set([...configured, ...BUILT_IN])].filter((name) => /^[a-z]/.test(name));
  return { names, isOpen: Object.hasOwn(retention.days, '*') };
}

/**
 * A type, unless it was mistyped: no retention would ever remove its backups.
 *
 * @throws E_USAGE
 */
export function knownBackupType(text: string, { names, isOpen }: BackupTypes): string {
  const type = parseBackupType(text);
  if (isOpen || names.includes(type)) return type;
  const meant = nearest(type, names);
  throw new HoldfastError(
    'E_USAGE',
    `'${type}' is no type of backups: nothing says how long to keep them; there are ${names.join(', ')}`,
    {
      hint: `${meant === undefined ? '' : `Did you mean ${meant}? `}A new type needs days in the configuration: retention: { ${/^[a-z]+$/.test(type) ? type : `'${type}'`}: 30 }.`,
    },
  );
}
