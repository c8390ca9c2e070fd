import * as z from 'zod';
import { parseBackupKey } from '../../shared/core/ids.ts';
import { parseBackupWord } from '../../shared/jobs/restore/choose-backup.ts';

/** The id of a run in an event. */
export const run = z.string().regex(/^[0-9a-f]{32}$/, 'a run id has 32 lower-case hex digits');
/** A name in the configuration. */
export const source = z.string().min(1).max(128);
/** A type of backups in an event. */
export const type = z.string().regex(/^[a-z][a-z0-9-]{0,31}$/, "a type has 1 to 32 of a-z, 0-9 and '-'");
/** Empty if there is none: a state machine has no optional members. */
export const note = z.string().max(500).optional();
/** Whether to use nothing of earlier backups. */
export const noParent = z.boolean().optional();
/** A backup in an event, by its whole key. */
export const backupKeyMember = z
  .string()
  .refine((text) => parseBackupKey(text) !== undefined, 'give the whole path of a backup: backups/…');
/** A path, or `latest:` or `good:` with the name of a source. */
export const backupChoice = z
  .string()
  .refine(
    (text) => Boolean(parseBackupWord(text)?.source) || parseBackupKey(text) !== undefined,
    'give the whole path of a backup, or latest:NAME or good:NAME with the name of a source',
  );
/** Who asked for it, for the audit trail. */
export const requestedBy = z.string().min(1).max(256);
