import type { ApiSettings } from '../../config/api.ts';
import { hasRole } from '../../core/api-names.ts';
import type { Clock } from '../../core/clock.ts';
import { HoldfastError } from '../../core/errors.ts';
import { VERSION } from '../../core/version.ts';
import { ApiKeys, apiKeyOf } from '../access/api-keys.ts';
import { scoped } from '../access/scoped-backend.ts';
import { API_ROUTES, type ApiRoute, type RouteId } from '../schema/api.ts';
import { ApiError, problemOf } from './api-error.ts';
import type { Backend } from './backend.ts';
import type { Authenticator, Caller, RequestContext } from './caller.ts';
import { conditional } from './conditional.ts';
import { Confirmations } from './confirm.ts';
import { refuseCrossSite } from './cross-site.ts';
import { HANDLERS, type HandlerInput, type Reply } from './handlers.ts';
import { corsHeaders, preflight, SECURITY_HEADERS } from './headers.ts';
import { Idempotency, idempotencyKey } from './idempotency.ts';
import { matchRoute } from './match-route.ts';
import { RateLimiter } from './rate-limit.ts';
import { readBody, readQuery } from './read-request.ts';
import { jsonResponse, problemResponse, withoutBody } from './responses.ts';

type Input = Omit<HandlerInput<RouteId>, 'backend' | 'confirmations' | 'apiKeys' | 'query' | 'body'> & {
  readonly query: unknown;
  readonly body: unknown;
};

/** What a server of the admin API allows, and whom. */
export interface AdminApiOptions {
  readonly settings: Pick<ApiSettings, 'isHealthOpen' | 'takesKeys' | 'rateLimit' | 'corsOrigins'>;
  readonly authenticator: Authenticator;
  /** @throws why there is none: `health` reports it, all other routes return 503 */
  readonly backend: () => Promise<Backend>;
  /** At least 32 random bytes, the same wherever the API runs: binds confirmations. */
  readonly secret: Uint8Array;
  readonly clock: Clock;
  /** Receives failures that the caller learns nothing about. */
  readonly onError: (error: unknown) => void;
}

/** The admin API over standard requests and responses, wherever it is mounted. docs/reference/api.md. */
export class AdminApiServer {
  readonly #options: AdminApiOptions;
  readonly #limiter: RateLimiter;
  readonly #confirmations: Confirmations;
  readonly #idempotency: Idempotency<Reply<RouteId>>;
  readonly #apiKeys: ApiKeys;

  constructor(options: AdminApiOptions) {
    const { settings, secret, clock } = options;
    this.#options = options;
    this.#limiter = new RateLimiter(settings.rateLimit, clock);
    this.#confirmations = new Confirmations(secret, clock);
    this.#idempotency = new Idempotency(secret, clock);
    const store = async () => (await this.#backend()).apiKeys;
    this.#apiKeys = new ApiKeys({ store, clock, onError: options.onError });
  }

  /** Answers every request; never throws. */
  async handle(request: Request, context: RequestContext): Promise<Response> {
    const response = await this.#respond(request, context);
    return request.method === 'HEAD' ? withoutBody(response) : response;
  }

  async #respond(request: Request, context: RequestContext): Promise<Response> {
    const cors = corsHeaders(request, this.#options.settings.corsOrigins);
    try {
      if (request.method === 'OPTIONS') return preflight(request, cors);
      const response = await this.#route(request, context);
      for (const [name, value] of Object.entries(cors)) response.headers.set(name, value);
      return response;
    } catch (error) {
      return this.#refuse(isTimeUp(context) ? timeUp(error) : error, cors);
    }
  }

  async #route(request: Request, context: RequestContext): Promise<Response> {
    const url = new URL(request.url);
    const { id, route, param } = matchRoute(request.method, url.pathname);
    const caller = await this.#caller(request, context);
    if (id === 'health') return this.#health(caller, context);
    this.#admit(caller, route);
    refuseCrossSite(request, route, this.#options.settings.corsOrigins);
    this.#limiter.take(caller.id, route.limit);
    const query = readQuery(url, route.query);
    const body = await readBody(request, route.body);
    const input = { caller, param, query, body, signal: context.signal ?? request.signal };
    const key = route.method === 'POST' ? idempotencyKey(request) : undefined;
    if (key === undefined) return toResponse(request, await this.#answer(id, input));
    const asked = { caller: caller.id, path: route.path, body };
    const reply = await this.#idempotency.once(key, asked, (run) => this.#answer(id, { ...input, run }));
    return toResponse(request, reply);
  }

  /** Requests without a valid login are counted by their address: guessing is slow. */
  async #caller(request: Request, context: RequestContext): Promise<Caller | undefined> {
    try {
      const key = apiKeyOf(request);
      if (key !== undefined) return await this.#machine(request, key, context);
      if (context.takesKeysAlone)
        throw new ApiError('E_UNAUTHENTICATED', 'this path only accepts API keys, and the request has none', {
          hint: 'Send Authorization: Bearer hf_… (docs/reference/api.md).',
        });
      return context.caller ?? (await this.#options.authenticator.authenticate(request, context));
    } catch (error) {
      this.#limiter.take(`address ${context.clientAddress}`, 'read');
      throw error;
    }
  }

  #machine(request: Request, key: string, { signal = request.signal }: RequestContext): Promise<Caller> {
    if (this.#options.settings.takesKeys) return this.#apiKeys.authenticate(key, signal);
    throw new ApiError('E_UNAUTHENTICATED', 'this API accepts no API keys', {
      hint: "The configuration allows them with api.keys: 'on'.",
    });
  }

  /** @throws E_UNAUTHENTICATED, E_FORBIDDEN */
  #admit(caller: Caller | undefined, { role, scope }: ApiRoute): asserts caller is Caller {
    if (!caller)
      throw new ApiError('E_UNAUTHENTICATED', 'the request has no login', {
        hint: 'docs/reference/api.md lists the logins.',
      });
    if (caller.isMachine && scope === 'people')
      throw new ApiError('E_FORBIDDEN', 'an API key cannot make or revoke API keys', {
        hint: 'Sign in as a person who has the role admin.',
      });
    if (caller.sources && scope !== 'own')
      throw new ApiError('E_FORBIDDEN', 'this concerns all sources', {
        hint: `Your login is only for these: ${caller.sources.join(', ')}.`,
      });
    if (role === 'open' || hasRole(caller.roles, role)) return;
    throw new ApiError('E_FORBIDDEN', `this needs the role ${role}`, {
      hint: `Your roles: ${caller.roles.join(', ') || 'none'}. The API's configuration assigns them.`,
    });
  }

  async #health(caller: Caller | undefined, context: RequestContext): Promise<Response> {
    const isViewer = caller !== undefined && hasRole(caller.roles, 'viewer');
    if (!isViewer && !this.#options.settings.isHealthOpen)
      this.#admit(caller, { ...API_ROUTES.health, role: 'viewer' });
    this.#limiter.take(caller?.id ?? `address ${context.clientAddress}`, 'poll');
    const { problems, verdict } = await this.#state(caller, context.signal ?? AbortSignal.timeout(10_000));
    const isOk = problems.length === 0 && verdict?.level !== 'unprotected';
    const why = problems.map((error) => {
      const { code, detail, hint } = problemOf(error).problem;
      return { code, message: detail, hint };
    });
    return jsonResponse(isOk ? 200 : 503, {
      status: isOk ? 'ok' : 'failing',
      ...(isViewer ? { problems: why, version: VERSION, ...(verdict ? { verdict } : {}) } : {}),
    });
  }

  /** Whether backups can run, and if so, whether they protect anything: the verdict of status. */
  async #state(caller: Caller | undefined, signal: AbortSignal) {
    try {
      const backend = scoped(await this.#options.backend(), caller);
      const problems: readonly unknown[] = await backend.health(signal);
      if (problems.length > 0) return { problems };
      const { level, sentence } = await backend.view.verdict(signal);
      return { problems, verdict: { level, sentence } };
    } catch (error) {
      if (!(error instanceof HoldfastError)) this.#options.onError(error);
      return { problems: [error] };
    }
  }

  async #answer(id: Exclude<RouteId, 'health'>, input: Input): Promise<Reply<RouteId>> {
    const backend = scoped(await this.#backend(), input.caller);
    // The table pairs each handler with the schemas that parsed its query and body.
    const handler = HANDLERS[id] as (given: object) => Promise<Reply<RouteId>>;
    return handler({ ...input, backend, confirmations: this.#confirmations, apiKeys: this.#apiKeys });
  }

  async #backend(): Promise<Backend> {
    try {
      return await this.#options.backend();
    } catch (error) {
      if (!(error instanceof HoldfastError)) throw error;
      const { code, message, hint } = error;
      throw new ApiError(code, message, {
        status: 503,
        cause: error,
        ...(hint === undefined ? {} : { hint }),
      });
    }
  }

  #refuse(error: unknown, cors: Readonly<Record<string, string>>): Response {
    const { status, code } = problemOf(error).problem;
    if (code === 'E_INTERNAL' || code === 'E_OUT_OF_TIME') this.#options.onError(error);
    const login: Record<string, string> =
      status === 401 ? { 'www-authenticate': this.#options.authenticator.scheme } : {};
    return problemResponse(error, { ...login, ...cors });
  }
}

function isTimeUp({ signal }: RequestContext): boolean {
  return signal?.aborted === true && (signal.reason as Error | undefined)?.name === 'TimeoutError';
}

function timeUp(cause: unknown): ApiError {
  return new ApiError('E_OUT_OF_TIME', 'the response took longer than the API may take', {
    status: 504,
    cause,
    hint: 'Ask again in a moment; GET /runs and GET /audit show what was started anyway.',
  });
}

function toResponse(request: Request, reply: Reply<RouteId>): Response {
  if ('json' in reply) {
    const response = jsonResponse(reply.status, reply.json);
    const isRead = request.method === 'GET' || request.method === 'HEAD';
    return isRead && reply.status === 200 ? conditional(request, response, reply.json) : response;
  }
  return new Response(ReadableStream.from(reply.file) as ReadableStream<Uint8Array>, {
    status: reply.status,
    headers: { ...SECURITY_HEADERS, ...reply.headers },
  });
}
