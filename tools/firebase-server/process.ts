import { type ChildProcess, fork } from 'node:child_process';
import { once } from 'node:events';
import { fileURLToPath } from 'node:url';
import type { Answer, Call } from './child.ts';
import type { Fault } from './faults.ts';
import type { FirebaseServerOptions } from './options.ts';
import type { FirebaseServerStats } from './server.ts';

/** A server in a process of its own, so that its memory and time are not those of a test. */
export interface FirebaseServerProcess extends AsyncDisposable {
  readonly url: string;
  readonly pid: number;
  stats(): Promise<FirebaseServerStats>;
  fail(next: Fault): Promise<void>;
  /** Writes past HTTP to the first database, plain JSON or export format. */
  set(path: string, value: unknown): Promise<void>;
  /** Reads past HTTP from the first database, in export format. */
  get(path: string): Promise<unknown>;
}

/** @param heapMb limit of the heap of the process; data takes 2 to 6 times its size as JSON. @default that of Node */
export async function startFirebaseProcess(
  options: FirebaseServerOptions = {},
  heapMb?: number,
): Promise<FirebaseServerProcess> {
  const child = fork(fileURLToPath(new URL('child.ts', import.meta.url)), {
    execArgv: heapMb ? [`--max-old-space-size=${heapMb}`] : [],
    serialization: 'advanced',
  });
  const calls = new Calls(child);
  const url = (await calls.send({ name: 'start', options })) as string;
  return {
    url,
    pid: child.pid ?? 0,
    stats: async () => (await calls.send({ name: 'stats' })) as FirebaseServerStats,
    fail: async (fault) => void (await calls.send({ name: 'fail', fault })),
    set: async (path, value) => void (await calls.send({ name: 'set', path, value })),
    get: (path) => calls.send({ name: 'get', path }),
    [Symbol.asyncDispose]: async () => {
      if (child.exitCode !== null || child.signalCode !== null) return;
      child.kill('SIGKILL');
      await once(child, 'exit');
    },
  };
}

/** Calls to the process that wait for their answers. */
class Calls {
  readonly #child: ChildProcess;
  readonly #waiting = new Map<number, PromiseWithResolvers<unknown>>();
  #next = 0;

  constructor(child: ChildProcess) {
    this.#child = child;
    child.on('message', ({ id, result, failure }: Answer) => {
      const call = this.#waiting.get(id);
      this.#waiting.delete(id);
      if (failure === undefined) call?.resolve(result);
      else call?.reject(new Error(failure));
    });
    child.on('exit', (code, signal) => {
      for (const call of this.#waiting.values())
        call.reject(new Error(`the server ended: ${signal ?? code}`));
    });
  }

  send(call: Call): Promise<unknown> {
    const id = this.#next++;
    const waiting = Promise.withResolvers<unknown>();
    this.#waiting.set(id, waiting);
    this.#child.send({ id, call });
    return waiting.promise;
  }
}
