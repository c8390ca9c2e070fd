import type { RecoveryCoverage } from '../shared/jobs/recovery-coverage.ts';
import type { Step, StepAction } from '../shared/jobs/verdict/steps.ts';
import { shortKey } from './format.ts';
import { recoveryWarnings } from './recovery-warnings.ts';

/** What to do next with the command for it, the most urgent first. */
export function nextSteps(steps: readonly Step[], recovery: RecoveryCoverage | undefined): string[] {
  const all = [
    ...steps.map(({ text, action }) => (action === undefined ? text : `${text} Run: ${commandOf(action)}`)),
    ...recoveryWarnings(recovery).map((warning) => `${warning}.`.replace(/^r/, 'R')),
  ];
  return all.length > 0 ? all : ['Nothing.'];
}

function commandOf(action: StepAction): string {
  switch (action.kind) {
    case 'backup':
      return `holdfast backup --source ${action.source}`;
    case 'verify':
      return `holdfast verify ${shortKey(action.backup)} --full`;
    case 'drill':
      return `holdfast drill ${shortKey(action.backup)}`;
    case 'accept':
      return `holdfast accept ${action.backups.map(shortKey).join(' ')} --reason "…"`;
    case 'lock':
      return 'holdfast lock';
    case 'copy':
      return `holdfast copy ${action.place}`;
  }
}
