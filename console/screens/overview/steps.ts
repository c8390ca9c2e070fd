import type { AnswerOf } from '../../api/types.ts';

type Status = AnswerOf<'status'>;
/** Something to be done, by the verdict. */
export type Step = Status['verdict']['steps'][number];
/** What the API can begin of it. */
export type StepAction = NonNullable<Step['action']>;

/** How the console starts a step's action; undefined: only its command does it. */
export function beginnable(
  { action }: Step,
  { mode, configured }: Pick<Status, 'mode' | 'configured'>,
): StepAction | undefined {
  if (!action) return undefined;
  // On AWS other functions do it, which the API may not start.
  if (action.kind === 'lock' || action.kind === 'copy') return mode === 'aws' ? undefined : action;
  if (action.kind !== 'backup') return action;
  return configured.sources.some(({ name }) => name === action.source) ? action : undefined;
}
