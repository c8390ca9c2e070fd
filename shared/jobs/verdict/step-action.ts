import type { BackupKey } from '../../core/ids.ts';

/** What can be begun at once: a button of the console, a command of the command line. */
export type StepAction =
  | {
      readonly kind: 'backup';
      readonly source: string;
      /** Of a run that is to be done again: what it was asked for. @default manual */
      readonly type?: string;
      readonly note?: string;
      readonly noParent?: boolean;
    }
  | { readonly kind: 'verify'; readonly backup: BackupKey }
  | { readonly kind: 'drill'; readonly source: string; readonly backup: BackupKey }
  | { readonly kind: 'accept'; readonly backups: readonly BackupKey[] }
  | { readonly kind: 'lock' }
  | { readonly kind: 'copy'; readonly place: string };
