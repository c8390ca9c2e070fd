import type { BackupKey } from '../../core/ids.ts';

/** What can be started at once: by a button in the console, or a command. */
export type StepAction =
  | {
      readonly kind: 'backup';
      readonly source: string;
      /** The options of a run that is to be repeated. @default manual */
      readonly type?: string;
      readonly note?: string;
      readonly noParent?: boolean;
    }
  | { readonly kind: 'verify'; readonly backup: BackupKey }
  | { readonly kind: 'drill'; readonly source: string; readonly backup: BackupKey }
  | { readonly kind: 'accept'; readonly backups: readonly BackupKey[] }
  | { readonly kind: 'lock' }
  | { readonly kind: 'copy'; readonly place: string };
