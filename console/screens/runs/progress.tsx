import { bytes, duration } from '../../../shared/core/human.ts';
import { number } from '../../../shared/core/plural.ts';
import type { Run as ApiRun } from '../../api/types.ts';

type Progress = NonNullable<ApiRun['progress']>;

const PHASES: Readonly<Record<string, string>> = {
  connect: 'Connecting',
  scratch: 'Making a database',
  schema: 'Reading the schema',
  read: 'Backing up',
  commit: 'Committing',
  plan: 'Planning',
  clear: 'Removing existing data',
  write: 'Restoring',
  finish: 'Building indexes and constraints',
  apply: 'Applying changes',
  compare: 'Comparing with the backup',
  'compare-schema': 'Comparing the schema',
  remove: 'Removing the scratch database',
  verify: 'Verifying',
  copy: 'Copying',
  lock: 'Locking',
};

/** What it is doing, and its progress. */
export function RunProgress({ run: { progress } }: { readonly run: ApiRun }) {
  if (!progress) return <p class="small soft">In progress…</p>;
  const { doneBytes, totalBytes, shares } = progress;
  if (shares) {
    const text = `${number(shares.done)} of ${number(shares.total)} parts stored`;
    return <Bar label={text} share={shares.done / Math.max(shares.total, 1)} text={text} />;
  }
  const share = totalBytes !== null && totalBytes > 0 ? Math.min(doneBytes / totalBytes, 1) : undefined;
  const name = PHASES[progress.phase] ?? progress.phase;
  return <Bar label={`Progress: ${name}`} share={share} text={`${name}: ${said(progress)}`} />;
}

/** `3 of 7 datasets, 12 MiB of about 40 MiB, 2.1 MiB/s, about 13 s left`. */
function said({
  doneBytes,
  totalBytes,
  doneDatasets,
  totalDatasets,
  bytesPerSecond,
  leftMs,
}: Progress): string {
  return [
    ...(totalDatasets === null ? [] : [`${number(doneDatasets)} of ${number(totalDatasets)} datasets`]),
    `${bytes(doneBytes)}${totalBytes === null ? '' : ` of about ${bytes(totalBytes)}`}`,
    ...(bytesPerSecond === null ? [] : [`${bytes(bytesPerSecond)}/s`]),
    ...(leftMs === null ? [] : [`about ${duration(leftMs)} left`]),
  ].join(', ');
}

/** @param share that is done; undefined if not known */
function Bar(bar: { readonly label: string; readonly share: number | undefined; readonly text: string }) {
  return (
    <div class="run-progress">
      <progress class="progress" aria-label={bar.label} max={1} value={bar.share} />
      <p class="small soft">{bar.text}</p>
    </div>
  );
}
