/** What a drill says about how long a restore takes. */
export interface TimedDrill {
  readonly outcome: string;
  readonly restoreMs: number;
  readonly compareMs?: number | undefined;
  readonly records: number;
}

/**
 * About how long a restore of this many records takes, including its comparison, judged by an earlier drill.
 * Undefined if no drill tells: it failed, or had next to nothing to restore.
 */
export function estimateRestoreMs(drill: TimedDrill | null | undefined, records: number): number | undefined {
  if (!drill || drill.outcome === 'failed' || drill.records === 0) return undefined;
  const { restoreMs, compareMs = 0 } = drill;
  return Math.round(((restoreMs + compareMs) / drill.records) * records);
}
