import { HoldfastError } from '../../shared/core/errors.ts';
import { SECOND_MS } from '../../shared/core/units.ts';

/** Share of the remaining time at a function's start that is kept for a clean end; within bounds. */
const RESERVE_SHARE = 1 / 10;
const LEAST_RESERVE_MS = SECOND_MS;
const MOST_RESERVE_MS = 30 * SECOND_MS;

const stop = new AbortController();

/** Ends this process's work cleanly, as for a task that is told to stop. */
export function stopWork(): void {
  stop.abort(new HoldfastError('E_ABORTED', 'the task was told to stop'));
}

/** The end of a function's time, as a signal. */
export interface Deadline extends Disposable {
  /** Aborted somewhat before time runs out, with E_OUT_OF_TIME as its reason; or when the task must stop. */
  readonly signal: AbortSignal;
  readonly until: Date;
}

/** @param remainingMs until the function or task is killed */
export function startDeadline(remainingMs: number, memoryMiB: string | undefined): Deadline {
  const reserveMs = Math.min(MOST_RESERVE_MS, Math.max(LEAST_RESERVE_MS, remainingMs * RESERVE_SHARE));
  const workMs = Math.max(0, remainingMs - reserveMs);
  const controller = new AbortController();
  const timer = setTimeout(() => controller.abort(outOfTime(workMs, memoryMiB)), workMs);
  timer.unref();
  return {
    signal: AbortSignal.any([controller.signal, stop.signal]),
    until: new Date(performance.timeOrigin + performance.now() + workMs),
    [Symbol.dispose]: () => clearTimeout(timer),
  };
}

function outOfTime(workMs: number, memoryMiB: string | undefined): HoldfastError {
  const seconds = Math.round(workMs / SECOND_MS);
  const memory = memoryMiB === undefined ? '' : ` with ${memoryMiB} MiB of memory`;
  return new HoldfastError(
    'E_OUT_OF_TIME',
    `the work was not done after ${seconds} s${memory}, and was stopped before time ran out`,
    {
      hint: 'Give the function more memory (which adds CPU) or time, make shares smaller, or run it on Fargate (docs/reference/functions.md, "Time").',
    },
  );
}
