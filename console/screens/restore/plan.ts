import type { AnswerOf } from '../../api/types.ts';

/** The answer to a dry run. */
export type Plan = Exclude<AnswerOf<'restore'>, { readonly run: string }>;

/** What somebody wants restored, as far as they have said. */
export interface Wish {
  readonly backup: string;
  readonly to: string;
  /** Undefined: all of them. */
  readonly datasets: readonly string[] | undefined;
  /** What to do where the target holds something: refuse, drop what is in the way, or leave what is there. */
  readonly mode: 'empty' | 'replace' | 'merge';
}

/** The request for it; the real one must be the same as that of the plan. */
export function planOf({ backup, to, datasets, mode }: Wish) {
  return {
    backup,
    to,
    ...(datasets === undefined ? {} : { datasets }),
    replace: mode === 'replace',
    merge: mode === 'merge',
  };
}
