import { shortName } from './short-name.ts';
import type { StepAction } from './step-action.ts';

/** The command line for an action. */
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

/** One word for a shell. */
function word(text: string): string {
  return /^[\w.:/@%+-]+$/.test(text) ? text : `'${text.replaceAll("'", "'\\''")}'`;
}
