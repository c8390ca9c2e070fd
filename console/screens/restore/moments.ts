import type { Backup as ApiBackup, Run as ApiRun } from '../../api/types.ts';

/** An entry of the timeline: a backup, or a run that should have made one. */
export type TimelineEntry =
  | { readonly kind: 'backup'; readonly at: string; readonly backup: ApiBackup }
  | { readonly kind: 'failed'; readonly at: string; readonly run: ApiRun };

/**
 * Backups of a source with its failed runs among them, newest first.
 *
 * @param until leaves out later ones; undefined: none
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

/** The moment in a browser's time field, in its own zone; undefined if it is not valid. */
export function momentOf(text: string): string | undefined {
  const at = new Date(text);
  return text === '' || Number.isNaN(at.getTime()) ? undefined : at.toISOString();
}
