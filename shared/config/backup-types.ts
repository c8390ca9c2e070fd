import { HoldfastError } from '../core/errors.ts';
import { parseBackupType } from '../core/ids.ts';
import { nearest } from '../core/nearest.ts';
import type { ResolvedConfig } from './config.ts';

/** Each has a default retention in days. */
const BUILT_IN = ['daily', 'weekly', 'manual'] as const;

type Configured = Pick<ResolvedConfig, 'retention' | 'storageClass'> & {
  readonly aws: Pick<ResolvedConfig['aws'], 'schedules'>;
};

/** The types that a backup may have. */
export interface BackupTypes {
  /** Those in the configuration, then the built-in ones. */
  readonly names: readonly string[];
  /** The configuration has days for `'*'`, so any other type is allowed too. */
  readonly isOpen: boolean;
}

/** All types of backups that a configuration names. */
export function backupTypes({ aws, retention, storageClass }: Configured): BackupTypes {
  const configured = [aws.schedules, retention.days, storageClass].flatMap((types) => Object.keys(types));
  const names = [...new Set([...configured, ...BUILT_IN])].filter((name) => /^[a-z]/.test(name));
  return { names, isOpen: Object.hasOwn(retention.days, '*') };
}

/**
 * Refuses a mistyped type: no retention would ever remove its backups.
 *
 * @throws E_USAGE
 */
export function knownBackupType(text: string, { names, isOpen }: BackupTypes): string {
  const type = parseBackupType(text);
  if (isOpen || names.includes(type)) return type;
  const meant = nearest(type, names);
  throw new HoldfastError(
    'E_USAGE',
    `'${type}' is not a backup type: no retention says how long to keep its backups; the types are ${names.join(', ')}`,
    {
      hint: `${meant === undefined ? '' : `Did you mean ${meant}? `}A new type needs days in the configuration: retention: { ${/^[a-z]+$/.test(type) ? type : `'${type}'`}: 30 }.`,
    },
  );
}
