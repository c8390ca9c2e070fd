import type { ProgressEvent } from '../../core/progress.ts';
import { SECOND_MS } from '../../core/units.ts';
import type { Progress } from '../schema/runs.ts';
import { NO_PROGRESS } from '../server/run-unknowns.ts';

/** A rate covers these last seconds: older ones say little about the future. */
const WINDOW_MS = 10 * SECOND_MS;
/** Shorter spans give no rate. */
const LEAST_MS = SECOND_MS;
/** Phases that move bytes; others have no rate. */
const MOVING: ReadonlySet<string> = new Set(['read', 'import', 'write', 'verify', 'copy']);

interface Sample {
  readonly atMs: number;
  readonly bytes: number;
}

/** A run's progress, its speed, and how long it may still take. */
export class RunMeter {
  #progress: Progress = {
    ...NO_PROGRESS,
    phase: '',
    shares: null,
  };
  #samples: readonly Sample[] = [];

  /** @param atMs from any clock that only goes forward */
  note(event: ProgressEvent, atMs: number): Progress {
    const before = this.#progress;
    if (event.kind === 'phase') this.#enter(event.phase, atMs);
    else if (event.kind === 'total')
      this.#progress = { ...before, totalBytes: event.plainBytes, totalDatasets: event.datasets };
    else if (event.kind === 'done') this.#move(event, atMs);
    else if (event.kind === 'dataset') this.#progress = { ...before, doneDatasets: before.doneDatasets + 1 };
    return this.#progress;
  }

  #enter(phase: string, atMs: number): void {
    this.#samples = [{ atMs, bytes: this.#progress.doneBytes }];
    this.#progress = {
      ...this.#progress,
      phase,
      doneDatasets: 0,
      bytesPerSecond: null,
      leftMs: null,
    };
  }

  #move({ plainBytes, storedBytes }: ProgressEvent & { readonly kind: 'done' }, atMs: number): void {
    const { phase, totalBytes } = this.#progress;
    const samples = [...this.#samples, { atMs, bytes: plainBytes }];
    const recent = samples.filter((sample) => atMs - sample.atMs <= WINDOW_MS);
    // One older than the window stays: slow work still has a rate.
    this.#samples = recent.length > 1 ? thinned(recent) : samples.slice(-2);
    const rate = MOVING.has(phase) ? rateOf(this.#samples) : undefined;
    const left = rate && totalBytes !== null ? Math.max(0, totalBytes - plainBytes) / rate : undefined;
    this.#progress = {
      ...this.#progress,
      doneBytes: plainBytes,
      storedBytes,
      bytesPerSecond: rate === undefined ? null : Math.round(rate),
      leftMs: left === undefined ? null : Math.round(left * SECOND_MS),
    };
  }
}

const MOST_SAMPLES = 64;

/** Keeps every other sample of too many: the first and the last make the rate. */
function thinned(samples: readonly Sample[]): readonly Sample[] {
  if (samples.length <= MOST_SAMPLES) return samples;
  return samples.filter((_, i) => i % 2 === 0 || i === samples.length - 1);
}

/** In bytes a second; undefined if too little time has passed, or nothing moved. */
function rateOf(samples: readonly Sample[]): number | undefined {
  const [first, last] = [samples[0], samples.at(-1)];
  if (!first || !last || last.atMs - first.atMs < LEAST_MS || last.bytes <= first.bytes) return undefined;
  return ((last.bytes - first.bytes) / (last.atMs - first.atMs)) * SECOND_MS;
}
