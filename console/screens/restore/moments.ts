import type { Backup as ApiBackup, Run as ApiRun } from '../../api/types.ts';

/** What a timeline shows: a backup, or a run that should have made one. */
export type TimelineEntry =
  | { readonly kind: 'backup'; readonly at: string; readonly backup: ApiBackup }
  | { readonly kind: 'failed'; readonly at: string; readonly run: ApiRun };

/**
 * Backups of a source with the runs that failed among them, newest first.
 *
 * @param until only what is not later; undefined: all
 */
export function timelineOf(
  backups: readonly ApiBackup[],
  runs: readonly ApiRun[],
  { source, until }: { readonly source: string; readonly until: string | undefined },
): readonly TimelineEntry[] {
  const oldest = backups.at(-1)?.startedAt ?? '';
  const failed = runs.filter(
    ({ kind, state, source: of, startedAt }) =>
      kind === 'backup' &&
      state === 'failed' &&
      of === source &&
      startedAt >= oldest &&
      (until === undefined || startedAt <= until),
  );
  const entries: TimelineEntry[] = [
    ...backups.map((backup) => ({ kind: 'backup', at: backup.startedAt, backup }) as const),
    ...failed.map((run) => ({ kind: 'failed', at: run.startedAt, run }) as const),
  ];
  return entries.toSorted((a, b) => b.at.localeCompare(a.at));
}

/** Of a time as a field of the browser gives it, in its own zone; undefined where it is none. */
export function momentOf(text: string): string | undefined {
  const at = new Date(text);
  return text === '' || Number.isNaN(at.getTime()) ? undefined : at.toISOString();
}
