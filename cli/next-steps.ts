import type { RecoveryCoverage } from '../shared/jobs/keys/recovery-coverage.ts';
import type { Step } from '../shared/jobs/verdict/steps.ts';
import { recoveryWarnings } from './recovery-warnings.ts';

/** What to do next, with commands, the most urgent first. */
export function nextSteps(steps: readonly Step[], recovery: RecoveryCoverage | undefined): string[] {
  const all = [
    ...steps.map(({ text, command }) => `${text} Run: ${command}`),
    ...recoveryWarnings(recovery).map((warning) => `${warning}.`.replace(/^r/, 'R')),
  ];
  return all.length > 0 ? all : ['Nothing.'];
}
