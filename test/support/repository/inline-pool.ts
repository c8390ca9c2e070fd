import type { CodecResults, CodecTask } from '../../../shared/repository/codec/codec-task.ts';
import { perform } from '../../../shared/repository/codec/codec-worker.ts';
import { WorkerPool } from '../../../shared/repository/codec/worker-pool.ts';

/** Does what worker threads do, at once and in this thread: so runs do their work in an order that is always the same. */
export class InlinePool extends WorkerPool {
  constructor() {
    super(1);
  }

  override start(): void {}

  override async run<K extends CodecTask['kind']>(task: Extract<CodecTask, { kind: K }>) {
    return { value: perform(task).value as CodecResults[K], worker: 0 };
  }

  override async broadcast<K extends CodecTask['kind']>(task: Extract<CodecTask, { kind: K }>) {
    return [await this.run(task)];
  }
}
