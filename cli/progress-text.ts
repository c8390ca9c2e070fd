import { plural } from '../shared/core/plural.ts';
import type { Phase, ProgressEvent } from '../shared/core/progress.ts';
import { HOUR_MS, MINUTE_MS, SECOND_MS } from '../shared/core/units.ts';
import { bytes } from './format.ts';

/** What each phase is called on the screen. */
export const PHASE_WORDS: Readonly<Record<Phase, string>> = {
  connect: 'connecting',
  scratch: 'making a scratch target',
  schema: 'reading the schema',
  import: 'reading the file',
  read: 'backing up',
  commit: 'committing',
  plan: 'planning',
  prune: 'removing',
  lock: 'locking',
  clear: 'removing existing data',
  write: 'restoring',
  finish: 'building indexes and constraints',
  apply: 'applying changes',
  compare: 'comparing',
  'compare-schema': 'comparing the schema',
  remove: 'removing the scratch target',
  verify: 'verifying',
  copy: 'copying',
};

/** Phases whose bytes show their progress. */
const MEASURED: readonly Phase[] = ['read', 'write', 'verify', 'copy'];
/** A rate over less time says nothing. */
const LEAST_RATE_MS = SECOND_MS;
/** Time left is shown only after this much time and this much work: before that it would jump about. */
const LEAST_ESTIMATE_MS = 5 * SECOND_MS;
const LEAST_ESTIMATE_SHARE = 0.02;

/** A run's progress, in one line. */
export class ProgressText {
  #phase: Phase = 'connect';
  #since: number;
  #total = 0;
  #done = 0;
  /** Work done before the phase began: totals are of the whole run. */
  #before = 0;
  #removed = 0;

  /** @param now in milliseconds, like all other times */
  constructor(now: number) {
    this.#since = now;
  }

  note(event: ProgressEvent, now: number): void {
    if (event.kind === 'total') this.#total = event.plainBytes;
    if (event.kind === 'removed') this.#removed = event.nodes;
    if (event.kind === 'done') {
      // A new count, such as for a second place, begins at zero.
      if (event.plainBytes < this.#done) this.#before = 0;
      this.#done = event.plainBytes;
    }
    if (event.kind !== 'phase') return;
    this.#phase = event.phase;
    this.#since = now;
    this.#before = this.#done;
  }

  /** `backing up 47 %  1.20 GiB, 88.1 MiB/s, 15 s left` */
  at(now: number): string {
    const name = PHASE_WORDS[this.#phase];
    if (this.#phase === 'clear' && this.#removed > 0) return `${name}  ${plural(this.#removed, 'node')}`;
    const done = this.#done - this.#before;
    if (!MEASURED.includes(this.#phase) || done <= 0) return name;
    const ms = now - this.#since;
    const share = this.#total > 0 ? Math.min(1, this.#done / this.#total) : undefined;
    const percent = share === undefined ? '' : ` ${Math.floor(share * 100)} %`;
    const rate = ms < LEAST_RATE_MS ? '' : `, ${bytes((done / ms) * SECOND_MS)}/s`;
    return `${name}${percent}  ${bytes(this.#done)}${rate}${this.#left(share, ms, done)}`;
  }

  #left(share: number | undefined, ms: number, done: number): string {
    if (share === undefined || share < LEAST_ESTIMATE_SHARE || ms < LEAST_ESTIMATE_MS) return '';
    const leftMs = ((this.#total - this.#done) / done) * ms;
    return leftMs < SECOND_MS ? '' : `, ${about(leftMs)} left`;
  }
}

/** An estimate, no more precise than it deserves: `42 s`, `12 min`, `3 h 10 min`. */
function about(ms: number): string {
  if (ms < MINUTE_MS) return `${Math.round(ms / SECOND_MS)} s`;
  if (ms < HOUR_MS) return `${Math.round(ms / MINUTE_MS)} min`;
  const tens = Math.round(ms / (10 * MINUTE_MS));
  const minutes = (tens % 6) * 10;
  return `${Math.floor(tens / 6)} h${minutes === 0 ? '' : ` ${minutes} min`}`;
}
