import { backupName } from '../../core/backup-words.ts';
import type { StepAction } from './step-action.ts';

/** The command line for an action. */
export function commandOf(action: StepAction): string {
  switch (action.kind) {
    case 'backup':
      return backupCommand(action);
    case 'verify':
      return `holdfast verify ${backupName(action.backup)} --full`;
    case 'drill':
      return `holdfast drill ${backupName(action.backup)}`;
    case 'accept':
      return `holdfast accept ${action.backups.map(backupName).join(' ')} --reason "…"`;
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

/** One word for a shell. */
export function word(text: string): string {
  return /^[\w.:/@%+-]+$/.test(text) ? text : `'${text.replaceAll("'", "'\\''")}'`;
}
