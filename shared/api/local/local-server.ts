import { createServer, type IncomingMessage, type Server, type ServerResponse } from 'node:http';
import type { AddressInfo } from 'node:net';
import { API_BASE } from '../../core/api-names.ts';
import { HoldfastError } from '../../core/errors.ts';
import { MINUTE_MS, SECOND_MS } from '../../core/units.ts';
import type { Sessions } from '../access/sessions.ts';
import type { ConsoleConfig } from '../schema/status.ts';
import type { AdminApiServer } from '../server/admin-api.ts';
import { ApiError } from '../server/api-error.ts';
import { methodNotAllowed } from '../server/match-route.ts';
import { sendResponse, toRequest } from '../server/node-http.ts';
import { jsonResponse, problemResponse, withoutBody } from '../server/responses.ts';
import type { ConsoleFiles } from './console-files.ts';
import { SESSION_METHODS, SessionRoutes } from './session-routes.ts';

const HOST = '127.0.0.1';
const CONSOLE_CONFIG: ConsoleConfig = { apiBase: API_BASE, auth: { kind: 'token' } };

/** What `holdfast serve` answers with. */
export interface LocalServerOptions {
  readonly api: AdminApiServer;
  readonly sessions: Sessions;
  /** Undefined: only the API is served. */
  readonly console: ConsoleFiles | undefined;
  /** 0: any free one. */
  readonly port: number;
  /** Told if there is no usable link any more. */
  readonly onLink: (why: 'used' | 'expired') => void;
  readonly onError: (error: unknown) => void;
}

/** API and console for this machine only: listens on its loopback address, and answers to no other name. */
export class LocalServer implements AsyncDisposable {
  readonly #options: LocalServerOptions;
  readonly #server: Server;

  private constructor(options: LocalServerOptions) {
    this.#options = options;
    this.#server = createServer(
      { requestTimeout: MINUTE_MS, headersTimeout: 20 * SECOND_MS },
      (request, response) => {
        this.#serve(request, response).catch((error: unknown) => {
          // The response broke off: the client must not take it for complete.
          response.destroy();
          if (!request.destroyed) options.onError(error);
        });
      },
    );
  }

  /** @throws E_USAGE if the port is taken */
  static async start(options: LocalServerOptions): Promise<LocalServer> {
    const server = new LocalServer(options);
    await server.#listen(options.port);
    return server;
  }

  get origin(): string {
    return `http://${HOST}:${this.#port}`;
  }

  /** Closes connections too. */
  async [Symbol.asyncDispose](): Promise<void> {
    const closed = new Promise((resolve) => this.#server.close(resolve));
    this.#server.closeAllConnections();
    await closed;
  }

  get #port(): number {
    return (this.#server.address() as AddressInfo).port;
  }

  async #listen(port: number): Promise<void> {
    await new Promise<void>((resolve, reject) => {
      this.#server.once('error', reject).listen(port, HOST, resolve);
    }).catch((cause: NodeJS.ErrnoException) => {
      throw new HoldfastError('E_USAGE', `cannot listen on port ${port} (${cause.code})`, {
        cause,
        hint: 'Give another with --port; 0 picks any free port.',
      });
    });
  }

  async #serve(incoming: IncomingMessage, response: ServerResponse): Promise<void> {
    await sendResponse(await this.#answer(incoming, response), response);
  }

  async #answer(incoming: IncomingMessage, response: ServerResponse): Promise<Response> {
    try {
      this.#refuseOtherNames(incoming);
      refuseOtherMethods(incoming);
      const request = toRequest(incoming, response, { origin: this.origin });
      const { pathname } = new URL(request.url);
      if (isOfApi(pathname))
        return await this.#options.api.handle(request, {
          clientAddress: incoming.socket.remoteAddress ?? '',
          signal: request.signal,
        });
      if (pathname in SESSION_METHODS) return await this.#sessions.answer(request, pathname);
      const page = await this.#page(pathname);
      return request.method === 'HEAD' ? withoutBody(page) : page;
    } catch (error) {
      return problemResponse(error);
    }
  }

  async #page(pathname: string): Promise<Response> {
    if (pathname === '/config.json') return jsonResponse(200, CONSOLE_CONFIG);
    return (await this.#options.console?.answer(pathname)) ?? problemResponse(noPage());
  }

  get #sessions(): SessionRoutes {
    const { sessions, onLink } = this.#options;
    return new SessionRoutes(sessions, this.#port, onLink);
  }

  /** A page under another name that was made to point here (DNS rebinding) gets nothing. */
  #refuseOtherNames({ headers: { host, origin } }: IncomingMessage): void {
    const names = [HOST, 'localhost', '[::1]'].map((name) => `${name}:${this.#port}`);
    const isOwnOrigin = origin === undefined || names.some((name) => origin === `http://${name}`);
    if (host !== undefined && names.includes(host) && isOwnOrigin) return;
    throw new ApiError('E_FORBIDDEN', 'this server only answers to its own name on this machine', {
      status: 421,
      hint: `Open ${this.origin}.`,
    });
  }
}

function isOfApi(pathname: string): boolean {
  return pathname === API_BASE || pathname.startsWith(`${API_BASE}/`);
}

/** @throws E_NO_ROUTE for a method that no page takes */
function refuseOtherMethods({ method = 'GET', url = '/' }: IncomingMessage): void {
  const [pathname = '/'] = url.split('?', 1);
  if (isOfApi(pathname)) return;
  const methods = SESSION_METHODS[pathname] ?? ['GET', 'HEAD'];
  if (!methods.includes(method)) throw methodNotAllowed(method, methods);
}

function noPage(): ApiError {
  return new ApiError('E_NO_ROUTE', 'there is nothing here', {
    hint: 'The console is at /, once it is built (npm run build).',
  });
}
