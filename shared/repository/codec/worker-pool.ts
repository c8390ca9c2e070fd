import { Worker } from 'node:worker_threads';
import { abortedError, throwIfAborted } from '../../core/abort.ts';
import { ERRORS, type ErrorCode, HoldfastError } from '../../core/errors.ts';
import { workerUrl } from '../../core/worker-url.ts';
import type { CodecResults, CodecTask, CodecWorkerData } from './codec-task.ts';
import type { WorkerAnswer } from './codec-worker.ts';

interface Job {
  readonly task: CodecTask;
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
 * Workers hold little, and produce much that is short-lived: these values decide how much dead memory,
 * buffers included, V8 lets pile up before it collects.
 */
const YOUNG_MIB = 4;
const OLD_MIB = 40;

/** The codec's worker threads. They start with `start` or the first task, and end with `close`. */
export class WorkerPool {
  readonly size: number;
  readonly #slots: Slot[] = [];
  readonly #waiting: Job[] = [];
  readonly #isMetered: boolean;
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
      const settle = () => signal.removeEventListener('abort', onAbort);
      this.#waiting.push({
        task,
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

  /** Runs a task on every worker. */
  async broadcast<K extends CodecTask['kind']>(
    task: Extract<CodecTask, { kind: K }>,
  ): Promise<{ readonly value: CodecResults[K]; readonly worker: number }[]> {
    if (this.#failure) throw this.#failure;
    this.start();
    return Promise.all(
      this.#slots.map(
        (slot) =>
          new Promise<{ readonly value: CodecResults[K]; readonly worker: number }>((resolve, reject) =>
            this.#send(slot, { task, transfer: [], resolve, reject }),
          ),
      ),
    );
  }

  async close(): Promise<void> {
    this.#fail(new HoldfastError('E_ABORTED', 'the repository was closed'));
    await Promise.all(this.#slots.map(({ worker }) => worker.terminate()));
  }

  start(): void {
    while (this.#slots.length < this.size && !this.#failure) {
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
    }
  }

  #feed(): void {
    this.start();
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

function revive({ code, message, hint, stack }: Extract<WorkerAnswer, { ok: false }>): HoldfastError {
  const error = new HoldfastError(
    code in ERRORS ? (code as ErrorCode) : 'E_INTERNAL',
    message,
    hint ? { hint } : {},
  );
  if (stack && code === 'E_INTERNAL') error.stack = stack;
  return error;
}
