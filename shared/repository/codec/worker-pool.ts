import { Worker } from 'node:worker_threads';
import { abortedError, throwIfAborted } from '../../core/abort.ts';
import { ERRORS, type ErrorCode, HoldfastError } from '../../core/errors.ts';
import { KiB, MiB } from '../../core/units.ts';
import { workerUrl } from '../../core/worker-url.ts';
import type { CodecResults, CodecTask, CodecWorkerData } from './codec-task.ts';
import type { WorkerAnswer } from './codec-worker.ts';

interface Job {
  readonly task: CodecTask;
  /** What it weighs: its plain bytes, and what any task takes. */
  readonly bytes: number;
  readonly transfer: readonly ArrayBuffer[];
  readonly resolve: (value: never) => void;
  readonly reject: (error: Error) => void;
}

interface Slot {
  readonly index: number;
  readonly worker: Worker;
  /** Sent and not answered, oldest first. */
  readonly sent: Job[];
}

/** Jobs sent ahead to a busy worker, so that it never waits for the main thread. */
const SENT_AHEAD = 2;

/**
 * Another thread is started when so much is on its way to each that runs. A thread takes 0.08 s of CPU time to start, in which
 * another one stores some 10 MB.
 */
const WORTH_A_THREAD_BYTES = 4 * MiB;
/** Any task counts as so much more: it may wait for a disk. */
const TASK_BYTES = 256 * KiB;

/**
 * Workers hold little, and produce much that is short-lived: these values decide how much dead memory,
 * buffers included, V8 lets pile up before it collects.
 */
const YOUNG_MIB = 4;
const OLD_MIB = 40;

/**
 * The codec's worker threads. One starts with `start` or the first task, others when there is work for them, and they end with
 * `close`.
 */
export class WorkerPool {
  /** Threads at most. */
  readonly size: number;
  readonly #slots: Slot[] = [];
  readonly #waiting: Job[] = [];
  readonly #isMetered: boolean;
  /** Runs that threads which start now have to know, by their ids. */
  readonly #begun = new Map<string, CodecTask>();
  /** Of the jobs that are waiting or sent. */
  #bytesOnTheWay = 0;
  #failure: Error | undefined;

  /** @param options.isMetered workers count what their work takes. @default false */
  constructor(size: number, { isMetered = false }: { readonly isMetered?: boolean } = {}) {
    this.size = size;
    this.#isMetered = isMetered;
  }

  /** Runs a task on the first free worker; `worker` says which. */
  run<K extends CodecTask['kind']>(
    task: Extract<CodecTask, { kind: K }>,
    transfer: readonly ArrayBuffer[],
    signal: AbortSignal,
  ): Promise<{ readonly value: CodecResults[K]; readonly worker: number }> {
    throwIfAborted(signal);
    if (this.#failure) return Promise.reject(this.#failure);
    return new Promise((resolve, reject) => {
      const onAbort = () => reject(abortedError(signal));
      signal.addEventListener('abort', onAbort, { once: true });
      const bytes = TASK_BYTES + plainBytesOf(task);
      this.#bytesOnTheWay += bytes;
      const settle = () => signal.removeEventListener('abort', onAbort);
      this.#waiting.push({
        task,
        bytes,
        transfer,
        resolve: (answer) => {
          settle();
          resolve(answer);
        },
        reject: (error) => {
          settle();
          reject(error);
        },
      });
      this.#feed();
    });
  }

  /** Runs a task on every worker; one that starts a run, on those too that start before it is finished. */
  async broadcast<K extends CodecTask['kind']>(
    task: Extract<CodecTask, { kind: K }>,
  ): Promise<{ readonly value: CodecResults[K]; readonly worker: number }[]> {
    if (this.#failure) throw this.#failure;
    this.start(1);
    this.#remember(task);
    return Promise.all(
      this.#slots.map(
        (slot) =>
          new Promise<{ readonly value: CodecResults[K]; readonly worker: number }>((resolve, reject) =>
            this.#send(slot, { task, bytes: 0, transfer: [], resolve, reject }),
          ),
      ),
    );
  }

  #remember(task: CodecTask): void {
    if (task.kind === 'begin') this.#begun.set(task.settings.runKeyId, task);
    if (task.kind === 'finish') this.#begun.delete(task.run);
  }

  async close(): Promise<void> {
    this.#fail(new HoldfastError('E_ABORTED', 'the repository was closed'));
    await Promise.all(this.#slots.map(({ worker }) => worker.terminate()));
  }

  get hasStarted(): boolean {
    return this.#slots.length > 0;
  }

  /** Has so many threads run, `size` at most. */
  start(count: number): void {
    while (this.#slots.length < Math.min(count, this.size) && !this.#failure) {
      const worker = new Worker(workerUrl(import.meta.url, 'codec-worker'), {
        name: 'holdfast-codec',
        workerData: { isMetered: this.#isMetered } satisfies CodecWorkerData,
        resourceLimits: { maxYoungGenerationSizeMb: YOUNG_MIB, maxOldGenerationSizeMb: OLD_MIB },
      });
      const slot: Slot = { index: this.#slots.length, worker, sent: [] };
      worker.on('message', (answer: WorkerAnswer) => this.#answer(slot, answer));
      worker.on('error', (cause) =>
        this.#fail(new HoldfastError('E_INTERNAL', 'a worker thread failed', { cause })),
      );
      worker.unref();
      this.#slots.push(slot);
      for (const task of this.#begun.values())
        this.#send(slot, { task, bytes: 0, transfer: [], resolve: () => {}, reject: () => {} });
    }
  }

  #feed(): void {
    this.start(1 + Math.floor(this.#bytesOnTheWay / WORTH_A_THREAD_BYTES));
    while (this.#waiting.length > 0) {
      const slot = this.#slots.reduce<Slot | undefined>(
        (best, next) => (best && best.sent.length <= next.sent.length ? best : next),
        undefined,
      );
      if (!slot || slot.sent.length >= SENT_AHEAD) return;
      const job = this.#waiting.shift();
      if (job) this.#send(slot, job);
    }
  }

  #send(slot: Slot, job: Job): void {
    if (this.#failure) {
      job.reject(this.#failure);
      return;
    }
    slot.sent.push(job);
    slot.worker.ref();
    slot.worker.postMessage(job.task, [...job.transfer]);
  }

  #answer(slot: Slot, answer: WorkerAnswer): void {
    const job = slot.sent.shift();
    if (slot.sent.length === 0) slot.worker.unref();
    this.#bytesOnTheWay -= job?.bytes ?? 0;
    this.#feed();
    if (!job) return;
    if (answer.ok) job.resolve({ value: answer.value, worker: slot.index } as never);
    else job.reject(revive(answer));
  }

  #fail(error: Error): void {
    this.#failure ??= error;
    for (const job of [...this.#waiting.splice(0), ...this.#slots.flatMap((slot) => slot.sent.splice(0))]) {
      job.reject(this.#failure);
    }
  }
}

function plainBytesOf(task: CodecTask): number {
  switch (task.kind) {
    case 'store':
      return sum(task.chunks.map(({ start, end }) => end - start));
    case 'check':
      return sum(task.pieces.map(({ start, end }) => end - start));
    case 'decode':
    case 'pick':
    case 'write':
    case 'prove':
      return sum(task.chunks.map(({ plainBytes }) => plainBytes));
    case 'digest':
      return task.end;
    default:
      return 0;
  }
}

const sum = (sizes: readonly number[]) => sizes.reduce((total, size) => total + size, 0);

function revive({ code, message, hint, stack }: Extract<WorkerAnswer, { ok: false }>): HoldfastError {
  const error = new HoldfastError(
    code in ERRORS ? (code as ErrorCode) : 'E_INTERNAL',
    message,
    hint ? { hint } : {},
  );
  if (stack && code === 'E_INTERNAL') error.stack = stack;
  return error;
}
