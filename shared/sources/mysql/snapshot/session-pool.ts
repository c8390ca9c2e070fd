import { abortedError, throwIfAborted } from '../../../core/abort.ts';
import { HoldfastError } from '../../../core/errors.ts';
import { MINUTE_MS } from '../../../core/units.ts';
import type { Session } from '../connection/connection.ts';

/**
 * Sessions that all see one moment, used by one reader each. One that breaks cannot be replaced: no other session can be
 * brought to that moment any more.
 */
export class SessionPool implements AsyncDisposable {
  readonly #idle: Session[];
  readonly #all: readonly Session[];
  readonly #busy = new Set<Session>();
  readonly #waiting: (() => void)[] = [];
  readonly #keepAlive: NodeJS.Timeout;
  #isClosed = false;

  constructor(sessions: readonly Session[]) {
    this.#all = sessions;
    this.#idle = [...sessions];
    // Firewalls and load balancers forget connections that say nothing; TCP keepalive does not cross all of them.
    this.#keepAlive = setInterval(() => void this.#ping(), MINUTE_MS).unref();
  }

  /** Waits for a free session. Each needs a `release`. @throws E_SOURCE_LOST, E_ABORTED */
  async acquire(signal: AbortSignal): Promise<Session> {
    for (;;) {
      throwIfAborted(signal);
      if (this.#isClosed) throw lost('the view was closed');
      const session = this.#idle.find(({ isOpen }) => isOpen);
      if (session) {
        this.#idle.splice(this.#idle.indexOf(session), 1);
        this.#busy.add(session);
        return session;
      }
      if (this.#busy.size === 0) throw lost('all sessions of the snapshot are gone');
      await this.#waitTurn(signal);
    }
  }

  release(session: Session): void {
    this.#busy.delete(session);
    if (session.isOpen) this.#idle.push(session);
    for (const wake of this.#waiting.splice(0)) wake();
  }

  /** @throws E_SOURCE_LOST if no session of the snapshot is left */
  async check(signal: AbortSignal): Promise<void> {
    const session = await this.acquire(signal);
    try {
      await session.query('SELECT 1', signal, { object: 'the snapshot' });
    } finally {
      this.release(session);
    }
  }

  async [Symbol.asyncDispose](): Promise<void> {
    this.#isClosed = true;
    clearInterval(this.#keepAlive);
    for (const session of this.#busy) session.interrupt();
    for (const wake of this.#waiting.splice(0)) wake();
    await Promise.all(this.#all.map((session) => session.close()));
  }

  async #ping(): Promise<void> {
    const never = new AbortController().signal;
    for (const session of this.#idle.splice(0)) {
      this.#busy.add(session);
      await session.query('SELECT 1', never).catch(() => undefined);
      this.release(session);
    }
  }

  async #waitTurn(signal: AbortSignal): Promise<void> {
    const { promise, resolve, reject } = Promise.withResolvers<void>();
    const onAbort = (): void => reject(abortedError(signal));
    signal.addEventListener('abort', onAbort, { once: true });
    this.#waiting.push(resolve);
    await promise.finally(() => signal.removeEventListener('abort', onAbort));
  }
}

function lost(why: string): HoldfastError {
  return new HoldfastError('E_SOURCE_LOST', why, { hint: 'Run it again; nothing of this run was listed.' });
}
