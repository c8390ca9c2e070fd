import type { BackupKey } from '../../core/ids.ts';
import type { StepAction } from './steps.ts';

/** What begins an action on the command line. */
export function commandOf(action: StepAction): string {
  switch (action.kind) {
    case 'backup':
      return backupCommand(action);
    case 'verify':
      return `holdfast verify ${shortName(action.backup)} --full`;
    case 'drill':
      return `holdfast drill ${shortName(action.backup)}`;
    case 'accept':
      return `holdfast accept ${action.backups.map(shortName).join(' ')} --reason "…"`;
    case 'lock':
      return 'holdfast lock';
    case 'copy':
      return `holdfast copy ${word(action.place)}`;
  }
}

function backupCommand({
  source,
  type,
  note,
  noParent = false,
}: StepAction & { readonly kind: 'backup' }): string {
  return [
    'holdfast backup',
    ...(type === undefined ? [] : [type]),
    `--source ${word(source)}`,
    ...(note === undefined ? [] : [`--note ${word(note)}`]),
    ...(noParent ? ['--no-parent'] : []),
  ].join(' ');
}

/** `backup_daily_20260301_020000`: what commands take for a backup. */
export function shortName(key: BackupKey): string {
  return key.slice(key.lastIndexOf('/') + 1).replace(/\.json$/, '');
}

/** One word for a shell. */
function word(text: string): string {
  return /^[\w.:/@%+-]+$/.test(text) ? text : `'${text.replaceAll("'", "'\\''")}'`;
}
