/** Something that is read on first use, and kept; a failure is not kept. */
export type ReadOnce<T> = (signal: AbortSignal) => Promise<T>;

/** Reads something once, however often it is asked for; a failure is not kept. */
export function readOnce<T>(read: (signal: AbortSignal) => Promise<T>): ReadOnce<T> {
  let kept: Promise<T> | undefined;
  return (signal) => {
    if (kept) return kept;
    const reading = read(signal);
    kept = reading;
    reading.catch(() => {
      kept = undefined;
    });
    return reading;
  };
}
