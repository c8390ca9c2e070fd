/** What a job reports while it runs. `shared/` only emits these; the CLI draws them, a Lambda logs them. */
export type ProgressEvent =
  | { readonly kind: 'phase'; readonly phase: Phase }
  /** Once, when the work is known. Estimates come from the source's statistics or the backup's counts. */
  | { readonly kind: 'total'; readonly plainBytes: number; readonly datasets: number }
  /** Running totals since the start of the job, after every block. */
  | { readonly kind: 'done'; readonly plainBytes: number; readonly storedBytes: number }
  | {
      readonly kind: 'dataset';
      readonly dataset: string;
      readonly records: number;
      readonly plainBytes: number;
    }
  /** A running total of what was removed from a target before writing. */
  | { readonly kind: 'removed'; readonly nodes: number }
  | { readonly kind: 'warning'; readonly code: string; readonly message: string };

/** A part of a run that has a progress of its own. */
export type Phase =
  | 'connect'
  | 'scratch'
  | 'schema'
  | 'import'
  | 'read'
  | 'commit'
  | 'plan'
  | 'prune'
  | 'lock'
  | 'clear'
  | 'write'
  | 'finish'
  | 'apply'
  | 'compare'
  | 'compare-schema'
  | 'remove'
  | 'verify'
  | 'copy';

/** Is told how far work is, and what is worth a warning. */
export type OnProgress = (event: ProgressEvent) => void;
