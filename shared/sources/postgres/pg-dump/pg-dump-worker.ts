import { setFlagsFromString } from 'node:v8';
import { type MessagePort, parentPort, receiveMessageOnPort, workerData } from 'node:worker_threads';
import { pgDump } from '@electric-sql/pglite-tools/pg_dump';
import { decodeText, encodeText } from '../../byte-text.ts';
import { awaitRaised } from './answer-flag.ts';
import type { BridgeRequest } from './pg-dump-bridge.ts';
import { FrontendMessages } from './pg-dump-frontend.ts';
import { hideRestrict, showRestrict } from './pg-dump-restrict.ts';

/** pg_dump is synchronous WebAssembly: it blocks this thread, never the one that owns the connection. */
export interface PgDumpWorkerData {
  readonly args: readonly string[];
  /** What the server said at the start of the session, from AuthenticationOk to ReadyForQuery. */
  readonly greeting: Uint8Array;
  /** Messages for the server go out here, its answers come in. */
  readonly port: MessagePort;
  /** One Int32: 1 when an answer is waiting at the port. */
  readonly answerReady: SharedArrayBuffer;
}

/** What this thread posts when it is done: the dump, or pg_dump's own words. */
export type PgDumpWorkerResult = { readonly dump: Uint8Array<ArrayBuffer> } | { readonly failure: string };

// V8 takes longer to optimise it than it runs: half of a small backup's CPU time, and 70 MB.
for (const flag of ['--no-wasm-tier-up', '--no-wasm-dynamic-tiering']) setFlagsFromString(flag);

/**
 * The package reads pg_dump's output as UTF-8 text and gives it as a File, and either loses bytes that are none. In this
 * thread, which runs nothing else, both keep them (byte-text.ts).
 */
Object.assign(globalThis, {
  TextDecoder: class {
    decode(bytes: Uint8Array = new Uint8Array()): string {
      return decodeText(bytes);
    }
  },
  File: class {
    readonly #parts: readonly string[];

    constructor(parts: readonly string[]) {
      this.#parts = parts;
    }

    async arrayBuffer(): Promise<Uint8Array> {
      return encodeText(this.#parts.join(''));
    }
  },
});

const { args, greeting, port, answerReady } = workerData as PgDumpWorkerData;
const flag = new Int32Array(answerReady);
const frontend = new FrontendMessages();

function exchange(bytes: Uint8Array): Uint8Array {
  send({ bytes, answered: true });
  awaitRaised(flag);
  const received: { message: Uint8Array } | undefined = receiveMessageOnPort(port);
  if (received === undefined) throw new Error('the connection returned no answer');
  return hideRestrict(received.message);
}

function send(request: BridgeRequest): void {
  port.postMessage(request);
}

/** The part of PGlite's interface that pgDump uses. */
const server = {
  query: async () => ({ rows: [{ search_path: '' }] }),
  exec: async () => [],
  execProtocolRawStream(bytes: Uint8Array, { onRawData }: { onRawData: (bytes: Uint8Array) => void }): void {
    for (const event of frontend.push(bytes)) {
      if (event.kind === 'encryption-request') onRawData(Buffer.from('N'));
      else if (event.kind === 'startup') onRawData(greeting);
      else if (event.answered) onRawData(exchange(event.bytes));
      else send({ bytes: event.bytes, answered: false });
    }
  },
};

async function run(): Promise<PgDumpWorkerResult> {
  try {
    const pg = server as unknown as Parameters<typeof pgDump>[0]['pg'];
    const file = await pgDump({ pg, args: [...args] });
    return { dump: showRestrict(new Uint8Array(await file.arrayBuffer())) };
  } catch (error) {
    return { failure: error instanceof Error ? error.message : String(error) };
  }
}

const result = await run();
parentPort?.postMessage(result, 'dump' in result ? [result.dump.buffer] : []);
