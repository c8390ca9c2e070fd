import { HoldfastError } from './errors.ts';

declare const brand: unique symbol;
type Id<Name extends string> = string & { readonly [brand]: Name };

/** SHA-256 of a pack as stored, in lower-case hex. `sha256sum` on the object gives the object's own name. */
export type PackId = Id<'pack'>;
/** 128 random bits in lower-case hex. */
export type RunKeyId = Id<'run-key'>;
/** The manifest's object key: `backups/<type>/<YYYYMMDD>/backup_<type>_<YYYYMMDD>_<HHMMSS>.json`. */
export type BackupKey = Id<'backup'>;

const HEX_256 = /^[0-9a-f]{64}$/;
const HEX_128 = /^[0-9a-f]{32}$/;
const TYPE = /^[a-z][a-z0-9-]{0,31}$/;
const BACKUP_KEY = /^backups\/([a-z][a-z0-9-]{0,31})\/(\d{8})\/backup_\1_\2_(\d{6})\.json$/;

/** The id of a pack. @throws E_DAMAGED */
export function parsePackId(text: string): PackId {
  if (!HEX_256.test(text)) throw damaged('pack id', '64 lower-case hex digits', text);
  return text as PackId;
}

/** The id of a run's key. @throws E_DAMAGED */
export function parseRunKeyId(text: string): RunKeyId {
  if (!HEX_128.test(text)) throw damaged('run key id', '32 lower-case hex digits', text);
  return text as RunKeyId;
}

/** @throws E_USAGE unless `text` can be a backup type: a letter, then letters, digits or `-`, at most 32. */
export function parseBackupType(text: string): string {
  if (TYPE.test(text)) return text;
  throw new HoldfastError(
    'E_USAGE',
    `a backup type has 1 to 32 of a-z, 0-9 and '-', beginning with a letter; got '${text}'`,
    {
      hint: 'Use daily, weekly, manual, or a name of that form.',
    },
  );
}

/** Object key of the manifest of a backup of `type` that began at `startedAt` (UTC, whole seconds). */
export function backupKey(type: string, startedAt: Date): BackupKey {
  const [date, time] = startedAt.toISOString().replace(/[-:]/g, '').slice(0, 15).split('T');
  return `backups/${parseBackupType(type)}/${date}/backup_${type}_${date}_${time}.json` as BackupKey;
}

/** The parts of a manifest's object key; undefined if the key is not one. */
export function parseBackupKey(
  text: string,
): { readonly key: BackupKey; readonly type: string; readonly startedAt: Date } | undefined {
  const match = BACKUP_KEY.exec(text);
  if (!match) return undefined;
  const [, type = '', d = '', t = ''] = match;
  const startedAt = new Date(
    `${d.slice(0, 4)}-${d.slice(4, 6)}-${d.slice(6, 8)}T${t.slice(0, 2)}:${t.slice(2, 4)}:${t.slice(4, 6)}Z`,
  );
  return Number.isNaN(startedAt.getTime()) ? undefined : { key: text as BackupKey, type, startedAt };
}

function damaged(what: string, allowed: string, got: string): HoldfastError {
  return new HoldfastError('E_DAMAGED', `${what} must be ${allowed}, got '${got.slice(0, 80)}'`);
}
