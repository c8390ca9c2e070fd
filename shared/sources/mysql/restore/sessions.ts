import type { Session } from '../connection/connection.ts';
import type { MysqlOptions } from '../connection/options.ts';
import { openSession } from '../connection/session-settings.ts';

/** Sessions of a restore, made as they are needed, used by one task at a time. */
export class RestoreSessions implements AsyncDisposable {
  readonly #options: MysqlOptions;
  readonly #signal: AbortSignal;
  readonly #idle: Session[] = [];
  readonly #all: Session[] = [];

  constructor(options: MysqlOptions, signal: AbortSignal) {
    this.#options = options;
    this.#signal = signal;
  }

  async use<T>(work: (session: Session) => Promise<T>): Promise<T> {
    const session = this.#idle.pop() ?? (await this.#open());
    const result = await work(session);
    this.#idle.push(session);
    return result;
  }

  async [Symbol.asyncDispose](): Promise<void> {
    await Promise.all(this.#all.map((session) => session.close()));
  }

  async #open(): Promise<Session> {
    const isFirst = this.#all.length === 0;
    const session = await openSession(this.#options, this.#signal, { use: 'write', isFirst });
    this.#all.push(session);
    return session;
  }
}
