import { parentPort, workerData } from 'node:worker_threads';
import { buffersLetGo, releaseMemory } from '../../core/buffer-memory.ts';
import { isHoldfastError } from '../../core/errors.ts';
import { writePieces } from '../../core/file-place.ts';
import { NO_METER, WorkMeter } from '../../core/work-meter.ts';
import { RecordDigest } from '../../format/record-digest.ts';
import { decodeChunks, decodedChunks, isChunk, pickedChunks } from './chunk-decoder.ts';
import { ChunkProcessor } from './chunk-processor.ts';
import type { CodecTask, CodecWorkerData, DigestParts, PackClosed } from './codec-task.ts';

/** Crosses the thread boundary, where errors lose their class. */
export type WorkerAnswer =
  | { readonly ok: true; readonly value: unknown }
  | {
      readonly ok: false;
      readonly code: string;
      readonly message: string;
      readonly hint: string | undefined;
      readonly stack: string | undefined;
    };

const runs = new Map<string, ChunkProcessor>();
const counting = (workerData as CodecWorkerData | null)?.isMetered ? new WorkMeter() : undefined;
const meter = counting ?? NO_METER;

parentPort?.on('message', (task: CodecTask) => {
  try {
    const { value, transfer } = perform(task);
    parentPort?.postMessage({ ok: true, value } satisfies WorkerAnswer, transfer);
  } catch (error) {
    parentPort?.postMessage(describe(error));
  }
});

/** How a worker handles a task. */
export function perform(task: CodecTask): { readonly value: unknown; readonly transfer: ArrayBuffer[] } {
  switch (task.kind) {
    case 'begin':
      runs.set(task.settings.runKeyId, new ChunkProcessor(task.settings, meter));
      return { value: undefined, transfer: [] };
    case 'store': {
      const run = runOf(task.run);
      if (task.spare) run.reuse(task.spare);
      const chunks = run.store(Buffer.from(task.block), task.chunks, task.bases, task.keyFields);
      if (task.bases) releaseMemory(new Uint8Array(task.bases.buffer));
      buffersLetGo(task.block.byteLength);
      return withClosed(run.takeClosed(), { chunks });
    }
    case 'seal': {
      const run = runOf(task.run);
      const item = run.addItem(task.item);
      return withClosed(run.takeClosed(), { item });
    }
    case 'finish': {
      const closed = runOf(task.run).finish();
      runs.delete(task.run);
      return withClosed(closed, {});
    }
    case 'decode': {
      const plain = decodeChunks(task.batch, task.chunks, task.maxChunkBytes, meter);
      const digest = task.digest ? digestOf(plain) : undefined;
      releaseMemory(new Uint8Array(task.batch.buffer));
      buffersLetGo(2 * plain.length);
      return { value: { plain: plain.buffer, digest }, transfer: [plain.buffer as ArrayBuffer] };
    }
    case 'pick': {
      const { maxChunkBytes } = task;
      const picked = [...pickedChunks(task.batch, task.chunks, task.places, { maxChunkBytes, meter })];
      const plain = Uint8Array.from(Buffer.concat(picked));
      releaseMemory(new Uint8Array(task.batch.buffer));
      buffersLetGo(task.chunks.reduce((sum, { plainBytes }) => sum + plainBytes, 0));
      return { value: plain.buffer, transfer: [plain.buffer] };
    }
    case 'write': {
      const plainBytes = task.chunks.reduce((sum, chunk) => sum + chunk.plainBytes, 0);
      const pieces = decodedChunks(task.batch, task.chunks, task.maxChunkBytes, meter);
      meter.run('write', plainBytes, () => writePieces(task.to, pieces));
      releaseMemory(new Uint8Array(task.batch.buffer));
      buffersLetGo(plainBytes);
      return { value: undefined, transfer: [] };
    }
    case 'prove':
      // Each is checked as it is decoded, then freed.
      for (const plain of decodedChunks(task.batch, task.chunks, task.maxChunkBytes, meter))
        buffersLetGo(plain.length);
      releaseMemory(new Uint8Array(task.batch.buffer));
      return { value: undefined, transfer: [] };
    case 'check': {
      const block = Buffer.from(task.block);
      const value = task.pieces.every(({ start, end, id }) =>
        meter.run('hash', end - start, () => isChunk(block.subarray(start, end), id)),
      );
      return { value, transfer: [] };
    }
    case 'digest':
      return { value: digestOf(Buffer.from(task.block, 0, task.end)), transfer: [] };
    case 'meter':
      return { value: counting?.totals() ?? [], transfer: [] };
  }
}

function withClosed(
  closed: readonly PackClosed[],
  value: object,
): { readonly value: unknown; readonly transfer: ArrayBuffer[] } {
  return { value: { ...value, closed }, transfer: closed.map((pack) => pack.buffer) };
}

function runOf(id: string): ChunkProcessor {
  const run = runs.get(id);
  if (!run) throw new Error(`no run ${id} was begun on this worker`);
  return run;
}

function digestOf(bytes: Buffer): DigestParts {
  const digest = new RecordDigest();
  meter.run('digest', bytes.length, () => digest.update(bytes));
  return { sums: digest.sums, counts: digest.counts };
}

function describe(error: unknown): WorkerAnswer {
  const { message, stack } = error instanceof Error ? error : new Error(String(error));
  const known = isHoldfastError(error);
  return {
    ok: false,
    code: known ? error.code : 'E_INTERNAL',
    message,
    hint: known ? error.hint : undefined,
    stack,
  };
}
