import { type ChildProcess, spawn } from 'node:child_process';
import { randomUUID } from 'node:crypto';
import { createServer, type IncomingMessage, type ServerResponse } from 'node:http';
import type { AddressInfo } from 'node:net';
import { fileURLToPath } from 'node:url';

/** AWS's own client of the Runtime API, which loads handlers as Lambda does. */
const RIC = fileURLToPath(new URL('index.mjs', import.meta.resolve('aws-lambda-ric/package.json')));
const READY_MS = 60_000;

export interface LambdaOptions {
  /** Folder of its bundle. */
  readonly folder: string;
  readonly env: Readonly<Record<string, string>>;
  /** Until the process is killed, as Lambda does. @default 120,000 */
  readonly timeoutMs?: number;
  /** How much time it is told that it has. @default timeoutMs */
  readonly toldMs?: number;
  readonly memoryMiB?: number;
}

/** A function in a process of its own, from its bundle, under AWS's runtime client. */
export interface LambdaProcess extends AsyncDisposable {
  readonly name: string;
  /** From the start of the process until the handler was ready. */
  readonly coldStartMs: number;
  /** Lines of its log; JSON where it logs. */
  readonly log: readonly string[];
  /** @throws an error named as the function named it; `Lambda.Unknown` where the process ended */
  invoke(event: unknown): Promise<unknown>;
  kill(signal?: NodeJS.Signals): void;
}

interface Invocation {
  readonly id: string;
  readonly event: unknown;
  readonly toldMs: number;
  readonly resolve: (result: unknown) => void;
  readonly reject: (error: Error) => void;
}

/**
 * Starts a function. The Runtime API that its client talks to is a server of ours: it hands out events, takes answers, and kills
 * what takes longer than it may.
 */
export async function startLambda(name: string, options: LambdaOptions): Promise<LambdaProcess> {
  const api = new RuntimeApi();
  const port = await api.listen();
  const { folder, env, timeoutMs = 120_000, toldMs = timeoutMs, memoryMiB = 1024 } = options;
  const began = performance.now();
  const child = spawn(process.execPath, [RIC, 'index.handler'], {
    cwd: folder,
    env: {
      PATH: process.env['PATH'],
      TZ: 'UTC',
      AWS_LAMBDA_RUNTIME_API: `127.0.0.1:${port}`,
      _HANDLER: 'index.handler',
      LAMBDA_TASK_ROOT: folder,
      AWS_LAMBDA_FUNCTION_NAME: name,
      AWS_SDK_UA_APP_ID: name,
      AWS_LAMBDA_FUNCTION_VERSION: '$LATEST',
      AWS_LAMBDA_LOG_GROUP_NAME: `/aws/lambda/${name}`,
      AWS_LAMBDA_LOG_STREAM_NAME: 'local',
      AWS_LAMBDA_FUNCTION_MEMORY_SIZE: String(memoryMiB),
      AWS_LAMBDA_INITIALIZATION_TYPE: 'on-demand',
      AWS_EXECUTION_ENV: 'AWS_Lambda_nodejs24.x',
      NODE_OPTIONS: '--enable-source-maps',
      POWERTOOLS_TRACE_ENABLED: 'false',
      // What Node made of a bundle, which many processes load.
      NODE_COMPILE_CACHE: process.env['NODE_COMPILE_CACHE'],
      ...env,
    },
    stdio: ['ignore', 'pipe', 'pipe'],
  });
  const log = collectLog(child);
  child.once('exit', (status, signal) => api.end(signal ?? `exit ${status}`, log));
  await api.ready();
  return {
    name,
    coldStartMs: performance.now() - began,
    log,
    invoke: (event) => api.invoke(event, { timeoutMs, toldMs, onTimeout: () => child.kill('SIGKILL') }),
    kill: (signal = 'SIGKILL') => void child.kill(signal),
    [Symbol.asyncDispose]: async () => {
      await end(child);
      api.close();
    },
  };
}

function collectLog(child: ChildProcess): string[] {
  const log: string[] = [];
  for (const stream of [child.stdout, child.stderr])
    stream?.on('data', (bytes: Buffer) => log.push(...bytes.toString().split('\n').filter(Boolean)));
  return log;
}

async function end(child: ChildProcess): Promise<void> {
  if (child.exitCode !== null || child.signalCode !== null) return;
  const gone = new Promise((resolve) => child.once('exit', resolve));
  child.kill('SIGKILL');
  await gone;
}

class RuntimeApi {
  readonly #server = createServer((request, response) => void this.#answer(request, response));
  readonly #queue: Invocation[] = [];
  readonly #open = new Map<string, Invocation>();
  /** The client's request for its next event, where one waits. */
  #waiting: ServerResponse | undefined;
  #ended: string | undefined;
  readonly #ready = Promise.withResolvers<void>();

  async listen(): Promise<number> {
    this.#ready.promise.catch(() => {});
    await new Promise<void>((resolve) => this.#server.listen(0, '127.0.0.1', resolve));
    return (this.#server.address() as AddressInfo).port;
  }

  close(): void {
    this.#server.closeAllConnections();
    this.#server.close();
  }

  async ready(): Promise<void> {
    const timer = setTimeout(
      () => this.#ready.reject(new Error('the function does not get ready')),
      READY_MS,
    );
    await this.#ready.promise.finally(() => clearTimeout(timer));
  }

  end(how: string, log: readonly string[]): void {
    this.#ended = how;
    this.#ready.reject(new Error(`the function ended (${how}): ${log.slice(-5).join('\n')}`));
    for (const { reject } of [...this.#open.values(), ...this.#queue.splice(0)])
      reject(unknown(`${how}: ${log.slice(-8).join(' ')}`));
    this.#open.clear();
  }

  invoke(
    event: unknown,
    {
      timeoutMs,
      toldMs,
      onTimeout,
    }: { readonly timeoutMs: number; readonly toldMs: number; readonly onTimeout: () => void },
  ): Promise<unknown> {
    if (this.#ended !== undefined) return Promise.reject(unknown(this.#ended));
    return new Promise<unknown>((resolve, reject) => {
      const timer = setTimeout(onTimeout, timeoutMs);
      const settle = <T>(then: (value: T) => void) => {
        return (value: T) => {
          clearTimeout(timer);
          then(value);
        };
      };
      this.#queue.push({
        id: randomUUID(),
        event,
        toldMs,
        resolve: settle(resolve),
        reject: settle(reject),
      });
      this.#feed();
    });
  }

  #feed(): void {
    const next = this.#waiting && this.#queue.shift();
    if (!next || !this.#waiting) return;
    this.#open.set(next.id, next);
    this.#waiting.writeHead(200, {
      'content-type': 'application/json',
      'lambda-runtime-aws-request-id': next.id,
      'lambda-runtime-deadline-ms': String(
        Math.round(performance.timeOrigin + performance.now() + next.toldMs),
      ),
      'lambda-runtime-invoked-function-arn': 'arn:aws:lambda:eu-west-1:111122223333:function:local',
      'lambda-runtime-trace-id': 'Root=1-00000000-000000000000000000000000;Sampled=0',
    });
    this.#waiting.end(JSON.stringify(next.event));
    this.#waiting = undefined;
  }

  async #answer(request: IncomingMessage, response: ServerResponse): Promise<void> {
    const { url = '' } = request;
    if (url.endsWith('/invocation/next')) {
      this.#waiting = response;
      this.#ready.resolve();
      this.#feed();
      return;
    }
    const body = Buffer.concat(await Array.fromAsync(request as AsyncIterable<Buffer>)).toString();
    response.writeHead(202, { 'content-type': 'application/json' }).end('{"status":"OK"}');
    if (url.endsWith('/init/error')) this.#ready.reject(failure(body));
    const [, id = '', what] = /\/invocation\/([^/]+)\/(response|error)$/.exec(url) ?? [];
    const open = this.#open.get(decodeURIComponent(id));
    this.#open.delete(decodeURIComponent(id));
    if (what === 'response') open?.resolve(JSON.parse(body || 'null'));
    if (what === 'error') open?.reject(failure(body));
  }
}

function failure(body: string): Error {
  const { errorType, errorMessage } = JSON.parse(body) as {
    readonly errorType: string;
    readonly errorMessage: string;
  };
  return Object.assign(new Error(errorMessage), { name: errorType });
}

function unknown(how: string): Error {
  return Object.assign(new Error(`the function's process ended: ${how}`), { name: 'Lambda.Unknown' });
}
