import { MessageChannel, type MessagePort, Worker } from 'node:worker_threads';
import { abortedError } from '../../../core/abort.ts';
import { HoldfastError } from '../../../core/errors.ts';
import { workerUrl } from '../../../core/worker-url.ts';
import {
  type BlockAnswer,
  type BlockRequest,
  type QueryOrder,
  type QueryReport,
  type QueryTask,
  type QueryThreadData,
  revivedError,
} from './messages.ts';

/** Blocks of whole records of what a scan asks for. */
export type OpenScan = (
  of: NonNullable<BlockRequest['of']>,
  signal: AbortSignal,
) => AsyncGenerator<Uint8Array>;

/** The thread of one query: it loads DuckDB, and waits for its task. Nothing of it is left when it was disposed of. */
export class QueryThread implements AsyncDisposable {
  readonly #worker: Worker;
  readonly #port: MessagePort;
  readonly #flag: Int32Array;
  #openScan: OpenScan | undefined;
  readonly #scans = new Map<number, AsyncGenerator<Uint8Array>>();
  readonly #reports: QueryReport[] = [];
  readonly #ended: Promise<void>;
  readonly #stopping = new AbortController();
  readonly #unfollow: () => void;
  #wake: () => void = () => {};
  #hasEnded = false;
  #failure: unknown;

  constructor(signal: AbortSignal) {
    const { port1, port2 } = new MessageChannel();
    const flag = new SharedArrayBuffer(4);
    this.#port = port1;
    this.#flag = new Int32Array(flag);
    this.#worker = new Worker(workerUrl(import.meta.url, 'query-worker'), {
      name: 'holdfast-query',
      workerData: { blocks: port2, flag } satisfies QueryThreadData,
      transferList: [port2],
      env: {},
    });
    this.#ended = new Promise((resolve) => {
      this.#worker.once('exit', () => {
        this.#hasEnded = true;
        this.#wake();
        resolve();
      });
    });
    this.#worker.on('error', (cause) => {
      this.#failure ??= new HoldfastError('E_INTERNAL', "the query's thread failed", { cause });
    });
    this.#worker.on('message', (report: QueryReport) => {
      this.#reports.push(report);
      this.#wake();
    });
    port1.on('message', (request: BlockRequest) => {
      void this.#answer(request);
    });
    const stop = () => {
      this.#failure ??= abortedError(signal);
      this.#stop();
    };
    if (signal.aborted) stop();
    else signal.addEventListener('abort', stop, { once: true });
    this.#unfollow = () => signal.removeEventListener('abort', stop);
  }

  /** Gives it its task, once. */
  begin(task: QueryTask, openScan: OpenScan): void {
    this.#openScan = openScan;
    this.#order(task);
  }

  /** What the thread says next. @throws what its query or the reading of a backup fails with, E_ABORTED */
  async next(): Promise<QueryReport> {
    for (;;) {
      const report = this.#reports.shift();
      if (this.#failure && (!report || report.kind === 'failed')) throw this.#failure;
      if (report?.kind === 'failed') throw revivedError(report.error);
      if (report) return report;
      if (this.#hasEnded) throw new HoldfastError('E_INTERNAL', "the query's thread ended early");
      await new Promise<void>((resolve) => {
        this.#wake = resolve;
      });
    }
  }

  /** Has it send more rows. */
  more(): void {
    this.#order('more');
  }

  /** Of what it had read when it was disposed of; none if `next` has told of its end. */
  get lastWarnings(): readonly string[] {
    return this.#reports.flatMap((report) => (report.kind === 'end' ? report.warnings : []));
  }

  async #answer({ scan, of }: BlockRequest): Promise<void> {
    const answer = await this.#block(scan, of).catch((error: unknown): BlockAnswer => {
      this.#failure ??= error;
      return { failed: true };
    });
    const block = 'block' in answer ? answer.block : undefined;
    // Whole buffers are given away; of others the thread gets a copy.
    const isWhole = block?.byteLength === block?.buffer.byteLength;
    this.#port.postMessage(answer, block && isWhole ? [block.buffer as ArrayBuffer] : []);
    Atomics.store(this.#flag, 0, 1);
    Atomics.notify(this.#flag, 0);
  }

  async #block(scan: number, of: BlockRequest['of']): Promise<BlockAnswer> {
    const { signal } = this.#stopping;
    if (signal.aborted) throw abortedError(signal);
    if (of && this.#openScan) this.#scans.set(scan, this.#openScan(of, signal));
    const next = await this.#scans.get(scan)?.next();
    if (!next?.done) return { block: next?.value };
    this.#scans.delete(scan);
    return { block: undefined };
  }

  #order(order: QueryOrder): void {
    this.#worker.postMessage(order);
  }

  #stop(): void {
    this.#stopping.abort();
    this.#order('stop');
  }

  /** Ends the query, if it runs, and what it reads. */
  async [Symbol.asyncDispose](): Promise<void> {
    this.#unfollow();
    this.#stop();
    await this.#ended;
    this.#port.close();
    await Promise.allSettled([...this.#scans.values()].map((scan) => scan.return(undefined)));
  }
}
