import type { AnswerOf } from '../../api/types.ts';

type Status = AnswerOf<'status'>;
export type Step = Status['verdict']['steps'][number];
export type StepAction = NonNullable<Step['action']>;

/** What the console begins of a step; undefined: only its command does it. */
export function beginnable(
  { action }: Step,
  { mode, configured }: Pick<Status, 'mode' | 'configured'>,
): StepAction | undefined {
  if (!action) return undefined;
  // There functions of their own do it, which the API may not begin.
  if (action.kind === 'lock' || action.kind === 'copy') return mode === 'aws' ? undefined : action;
  if (action.kind !== 'backup') return action;
  return configured.sources.some(({ name }) => name === action.source) ? action : undefined;
}
