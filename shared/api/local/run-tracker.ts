import { randomBytes } from 'node:crypto';
import type { Clock } from '../../core/clock.ts';
import { HoldfastError } from '../../core/errors.ts';
import type { JsonObject } from '../../core/json.ts';
import type { OnProgress, ProgressEvent } from '../../core/progress.ts';
import type { RunKind } from '../../core/run-kinds.ts';
import type { ApiRun, RestoreRun, RunAnswer } from '../schema/runs.ts';
import { problemOf } from '../server/api-error.ts';
import { RUN_UNKNOWNS } from '../server/run-unknowns.ts';
import { Changes } from './changes.ts';
import { RunMeter } from './run-meter.ts';

/** Finished runs to remember; the oldest go first. */
const MOST_FINISHED = 200;
const MOST_LOG_LINES = 200;
const MOST_LINE_CHARS = 500;
const DEFAULT_AT_ONCE = 2;

type Level = RunAnswer['log'][number]['level'];
type About = Partial<Pick<ApiRun, 'by' | 'source' | 'type' | 'backup' | 'target' | 'asked'>>;

/** The result of a run: the backup that it made or used, and figures. */
export interface RunResult {
  readonly backup?: string | undefined;
  readonly result: JsonObject;
  /** Why it counts as failed although it finished. */
  readonly failure?: HoldfastError | undefined;
}

type Mutable<T> = { -readonly [K in keyof T]: T[K] };

interface UnderWay {
  readonly stop: AbortController;
  readonly done: Promise<void>;
}

/** Does a run's work, and records it for later processes. */
export type RecordWork = (
  run: Pick<ApiRun, 'id' | 'kind'> & About,
  work: () => Promise<RunResult>,
) => Promise<RunResult>;

/** How many runs go on at once, and what is kept of them. */
export interface RunTrackerOptions {
  /** @default 2 */
  readonly atOnce?: number;
  /** @default only the work */
  readonly record?: RecordWork;
}

/** Runs of this process, in progress and finished. Memory is bounded. */
export class RunTracker {
  readonly #clock: Clock;
  readonly #atOnce: number;
  readonly #record: RecordWork;
  readonly #stop = new AbortController();
  readonly #runs = new Map<string, Mutable<RunAnswer>>();
  readonly #underWay = new Map<string, UnderWay>();
  readonly #changes = new Changes();

  constructor(
    clock: Clock,
    { atOnce = DEFAULT_AT_ONCE, record = (_, work) => work() }: RunTrackerOptions = {},
  ) {
    this.#clock = clock;
    this.#atOnce = atOnce;
    this.#record = record;
  }

  /** @throws E_BUSY if there are as many as allowed, or one of the same kind and source */
  refuseBusy(kind: RunKind, { source = null }: About): void {
    const running = this.list(Number.POSITIVE_INFINITY).filter(({ state }) => state === 'running');
    const same = running.find((run) => kind === 'backup' && run.kind === kind && run.source === source);
    if (!same && running.length < this.#atOnce && !this.#stop.signal.aborted) return;
    const why = same
      ? `a backup of ${source} is in progress: run ${same.id}`
      : `${running.length} runs are in progress`;
    throw new HoldfastError('E_BUSY', this.#stop.signal.aborted ? 'the server is stopping' : why, {
      hint: 'Try again when one has ended: GET /runs.',
    });
  }

  /** Starts a run and returns its id at once. @throws E_BUSY */
  begin(
    kind: RunKind,
    about: About,
    work: (run: {
      readonly id: string;
      readonly onProgress: OnProgress;
      readonly onRestore: (restore: RestoreRun) => void;
      readonly signal: AbortSignal;
    }) => Promise<RunResult>,
  ): string {
    this.refuseBusy(kind, about);
    const id = randomBytes(16).toString('hex');
    const run: Mutable<RunAnswer> = {
      id,
      kind,
      state: 'running',
      startedAt: this.#now(),
      ...RUN_UNKNOWNS,
      ...about,
      log: [],
      result: null,
      restore: null,
    };
    this.#runs.set(id, run);
    this.#say(run, 'info', `${kind} begun`);
    const meter = new RunMeter();
    const onProgress = (event: ProgressEvent) => this.#note(run, meter, event);
    const stop = new AbortController();
    const signal = AbortSignal.any([stop.signal, this.#stop.signal]);
    const onRestore = (restore: RestoreRun) => {
      run.restore = restore;
    };
    const done = this.#record({ id, kind, ...about }, () => work({ id, onProgress, onRestore, signal }))
      .then(
        (result) => this.#succeed(run, result),
        (error: unknown) => this.#fail(run, error),
      )
      .finally(() => {
        this.#underWay.delete(id);
        this.#changes.tell(id);
        this.#forgetOld();
      });
    this.#underWay.set(id, { stop, done });
    return id;
  }

  /**
   * Stops a run; it ends a little later. Repeating it has no further effect.
   *
   * @returns false if it has already ended
   * @throws E_UNKNOWN_RUN
   */
  cancel(id: string, by: string): boolean {
    const run = this.#known(id);
    const underWay = this.#underWay.get(id);
    if (!underWay) return false;
    if (run.cancelledBy !== null) return true;
    run.cancelledBy = by;
    this.#say(run, 'warning', `${by} cancels it`);
    underWay.stop.abort(new HoldfastError('E_ABORTED', `cancelled by ${by}`));
    return true;
  }

  /** Newest first. */
  list(limit: number): ApiRun[] {
    return [...this.#runs.values()]
      .toReversed()
      .slice(0, limit)
      .map(({ log: _, result: __, restore: ___, ...run }) => ({ ...run }));
  }

  /** Undefined if this process does not know it. */
  find(id: string): RunAnswer | undefined {
    const run = this.#runs.get(id);
    return run && { ...run, log: [...run.log] };
  }

  /** @throws E_UNKNOWN_RUN */
  get(id: string): RunAnswer {
    const run = this.#known(id);
    return { ...run, log: [...run.log] };
  }

  /** The run now, then after each change, until it has ended. @throws E_UNKNOWN_RUN */
  async *follow(id: string, signal: AbortSignal): AsyncGenerator<RunAnswer> {
    const left = new AbortController();
    const bounded = AbortSignal.any([signal, left.signal]);
    try {
      for (;;) {
        const change = this.#changes.next(id, bounded);
        const run = this.get(id);
        yield run;
        if (run.state !== 'running') return;
        await change;
        if (signal.aborted) return;
      }
    } finally {
      left.abort();
    }
  }

  /** Waits for a started run. */
  async over(id: string): Promise<RunAnswer> {
    await this.#underWay.get(id)?.done;
    return this.get(id);
  }

  /** Stops what is in progress, and waits for it. */
  async close(): Promise<void> {
    this.#stop.abort();
    await Promise.all([...this.#underWay.values()].map(({ done }) => done));
  }

  #known(id: string): Mutable<RunAnswer> {
    const run = this.#runs.get(id);
    if (run) return run;
    throw new HoldfastError('E_UNKNOWN_RUN', 'there is no such run', {
      hint: 'GET /runs lists known runs; earlier ones are lost on restart.',
    });
  }

  #succeed(run: Mutable<RunAnswer>, { backup, result, failure }: RunResult): void {
    run.result = result as RunAnswer['result'];
    run.plainBytes = figureOf(result, 'plainBytes');
    run.storedBytes = figureOf(result, 'storedBytes');
    if (backup !== undefined) run.backup = backup;
    if (failure) {
      this.#fail(run, failure);
      return;
    }
    run.state = 'succeeded';
    run.isSuspect = result['suspect'] === true;
    run.finishedAt = this.#now();
    this.#say(run, 'info', `${run.kind} done`);
  }

  #fail(run: Mutable<RunAnswer>, error: unknown): void {
    const { code, detail, hint } = problemOf(error).problem;
    const isCancelled = run.cancelledBy !== null && code === 'E_ABORTED';
    run.state = isCancelled ? 'cancelled' : code === 'E_ABORTED' ? 'stopped' : 'failed';
    run.error = { code, message: isCancelled ? `cancelled by ${run.cancelledBy}` : detail, hint };
    run.finishedAt = this.#now();
    this.#say(run, isCancelled ? 'warning' : 'error', `${run.error.message} (${code})`);
  }

  #note(run: Mutable<RunAnswer>, meter: RunMeter, event: ProgressEvent): void {
    run.progress = meter.note(event, performance.now());
    if (event.kind === 'phase') this.#say(run, 'info', event.phase);
    else if (event.kind === 'warning') this.#say(run, 'warning', event.message);
    else if (event.kind === 'dataset') this.#say(run, 'info', `${event.dataset}: ${event.records} records`);
    this.#changes.tell(run.id);
  }

  #say(run: Mutable<RunAnswer>, level: Level, message: string): void {
    run.log = [
      ...run.log.slice(1 - MOST_LOG_LINES),
      { at: this.#now(), level, message: message.slice(0, MOST_LINE_CHARS) },
    ];
    this.#changes.tell(run.id);
  }

  #now(): string {
    return this.#clock.now().toISOString();
  }

  #forgetOld(): void {
    const over = [...this.#runs.values()].filter(({ state }) => state !== 'running');
    for (const { id } of over.slice(0, Math.max(0, over.length - MOST_FINISHED))) this.#runs.delete(id);
  }
}

function figureOf(result: JsonObject, name: string): number | null {
  const value = result[name];
  return typeof value === 'number' ? value : null;
}
