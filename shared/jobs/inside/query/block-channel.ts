import { type MessagePort, receiveMessageOnPort } from 'node:worker_threads';
import { HoldfastError } from '../../../core/errors.ts';
import type { BlockAnswer, BlockRequest } from './messages.ts';

/**
 * Where a thread gets blocks of records. DuckDB asks for rows by a call that must answer before it returns, and reading a backup takes
 * awaiting: so the thread sleeps until the main thread has answered.
 */
export class BlockChannel {
  readonly #port: MessagePort;
  readonly #flag: Int32Array;
  #scans = 0;

  constructor(port: MessagePort, flag: SharedArrayBuffer) {
    this.#port = port;
    this.#flag = new Int32Array(flag);
  }

  /** Blocks of whole records, one with each call; undefined at the end. @throws E_ABORTED if they cannot be read */
  scan(of: NonNullable<BlockRequest['of']>): () => Uint8Array | undefined {
    const scan = this.#scans++;
    let isNew = true;
    return () => {
      const request: BlockRequest = isNew ? { scan, of } : { scan };
      isNew = false;
      return this.#ask(request);
    };
  }

  #ask(request: BlockRequest): Uint8Array | undefined {
    Atomics.store(this.#flag, 0, 0);
    this.#port.postMessage(request);
    Atomics.wait(this.#flag, 0, 0);
    const answer = receiveMessageOnPort(this.#port)?.message as BlockAnswer | undefined;
    if (answer && 'block' in answer) return answer.block;
    throw new HoldfastError('E_ABORTED', 'the reading of the backup ended');
  }
}
