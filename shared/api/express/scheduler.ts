import { Cron } from 'croner';
import type { Schedule } from '../../config/schedules.ts';
import type { StatusAnswer } from '../schema/status.ts';

/** The longest timer in Node. */
const MOST_TIMEOUT_MS = 2 ** 31 - 1;

/** A backup that is due. */
export interface ScheduledRun {
  readonly source: string;
  readonly type: string;
}

/**
 * Starts backups of this process when they are due. A backup that is due while the process is down is not
 * made up for.
 */
export class Scheduler implements Disposable {
  readonly #jobs: readonly { readonly run: ScheduledRun; readonly written: string; readonly timer: Timer }[];

  /**
   * @param schedules by type
   * @param sources names of all
   * @param begin must not throw
   */
  constructor(
    schedules: Readonly<Record<string, Schedule>>,
    sources: readonly string[],
    begin: (run: ScheduledRun) => Promise<void>,
  ) {
    this.#jobs = Object.entries(schedules).flatMap(([type, schedule]) =>
      (schedule.sources ?? sources).map((source) => {
        const run = { source, type };
        const { expression, written = expression } = schedule;
        return { run, written, timer: timerFor(schedule, () => begin(run)) };
      }),
    );
  }

  upcoming(): StatusAnswer['schedules'] {
    return this.#jobs.map(({ run, written, timer }) => ({
      ...run,
      cron: written,
      nextAt: timer.next()?.toISOString() ?? null,
    }));
  }

  [Symbol.dispose](): void {
    for (const { timer } of this.#jobs) timer.stop();
  }
}

interface Timer {
  next(): Date | undefined;
  stop(): void;
}

function timerFor({ expression, timeZone, intervalMs }: Schedule, begin: () => Promise<void>): Timer {
  const fields = cronFields(expression);
  if (fields === undefined) return interval(Math.min(intervalMs, MOST_TIMEOUT_MS), begin);
  const job = new Cron(fields, { timezone: timeZone, protect: true, unref: true }, begin);
  return { next: () => job.nextRun() ?? undefined, stop: () => job.stop() };
}

/** The five fields of EventBridge's six-field `cron(…)`; undefined for a `rate(…)`. */
function cronFields(expression: string): string | undefined {
  const [, fields] = /^cron\((\S+ \S+ \S+ \S+ \S+) \*\)$/.exec(expression) ?? [];
  return fields?.replaceAll('?', '*');
}

function interval(ms: number, begin: () => Promise<void>): Timer {
  const timer = setInterval(() => void begin(), ms).unref();
  return { next: () => undefined, stop: () => clearInterval(timer) };
}
