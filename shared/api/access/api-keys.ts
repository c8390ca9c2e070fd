import { timingSafeEqual } from 'node:crypto';
import { hasRole } from '../../core/api-names.ts';
import type { Clock } from '../../core/clock.ts';
import { DAY_MS, SECOND_MS } from '../../core/units.ts';
import type { StoredApiKey, StoredApiKeys } from '../../jobs/access/api-keys.ts';
import type {
  ApiKey,
  ApiKeyState,
  ApiKeysAnswer,
  CreateApiKeyBody,
  CreatedApiKey,
} from '../schema/api-keys.ts';
import { ApiError } from '../server/api-error.ts';
import { bearerToken, type Caller } from '../server/caller.ts';
import { Remembered } from '../server/remembered.ts';
import type { ApiKeyStore } from './api-key-store.ts';
import { API_KEY_PREFIX, hashOfToken, idOfToken, newToken } from './api-key-token.ts';

/** How long a key that was revoked elsewhere still works here. */
export const KEYS_KEPT_MS = 30 * SECOND_MS;
/** An unknown id makes the keys be read again, but no sooner than this: it may be a new one. */
const AGAIN_MS = 5 * SECOND_MS;
/** Compared with an unknown id's token, so that it takes as long. */
const NOBODYS_HASH = '0'.repeat(64);

/** Where keys are kept, and by which clock they end. */
export interface ApiKeysOptions {
  /** @throws why there is no repository */
  readonly store: () => Promise<ApiKeyStore>;
  readonly clock: Clock;
  /** Receives the reason if a use could not be recorded; no request fails because of that. */
  readonly onError: (error: unknown) => void;
}

interface Known extends StoredApiKeys {
  readonly readAt: number;
}

/** API keys of machines: authenticates them, and lets people make and revoke them. */
export class ApiKeys {
  readonly #options: ApiKeysOptions;
  readonly #known: Remembered<Known>;
  /** The last day whose use is recorded, by id. */
  readonly #noted = new Map<string, string>();

  constructor(options: ApiKeysOptions) {
    const { store, clock } = options;
    this.#options = options;
    const read = async (signal: AbortSignal) => {
      const readAt = clock.now().getTime();
      return { ...(await (await store()).read(signal)), readAt };
    };
    this.#known = new Remembered(read, KEYS_KEPT_MS, clock);
  }

  /** @throws E_UNAUTHENTICATED; E_STORE_*, E_KEY_* if the keys cannot be read */
  async authenticate(token: string, signal: AbortSignal): Promise<Caller> {
    const id = idOfToken(token);
    if (id === undefined) throw refused('this is not an API key: it was cut off or mistyped');
    const key = await this.#find(id, signal);
    const isRight = timingSafeEqual(
      Buffer.from(hashOfToken(token), 'hex'),
      Buffer.from(key?.hash ?? NOBODYS_HASH, 'hex'),
    );
    if (!key || !isRight) throw refused('there is no such API key');
    // Only the owner of the key learns its state.
    const { state } = this.#toApi(key);
    if (state !== 'active')
      throw refused(`the API key ${key.name} (${id}) ${state === 'expired' ? 'has expired' : 'was revoked'}`);
    await this.#noteUse(key, signal);
    return {
      id: `api-key ${id}`,
      name: `API key ${key.name} (${id})`,
      roles: key.roles,
      isMachine: true,
      ...(key.sources === null ? {} : { sources: key.sources }),
    };
  }

  async list(signal: AbortSignal): Promise<ApiKeysAnswer> {
    const { keys, problems } = await (await this.#options.store()).read(signal);
    return { keys: keys.map((key) => this.#toApi(key)), problems: [...problems] };
  }

  /** @throws E_FORBIDDEN for a role that the maker lacks */
  async create(
    body: CreateApiKeyBody,
    { caller, signal }: { readonly caller: Caller; readonly signal: AbortSignal },
  ): Promise<CreatedApiKey> {
    const { name, roles, sources = null, expiresInDays } = body;
    const more = roles.filter((role) => !hasRole(caller.roles, role));
    if (more.length > 0)
      throw new ApiError(
        'E_FORBIDDEN',
        `a key cannot have the role ${more.join(', ')}, which you do not have`,
        {
          hint: `Your roles: ${caller.roles.join(', ')}.`,
        },
      );
    const { token, id, hash } = newToken();
    const expiresAt =
      expiresInDays === null
        ? null
        : new Date(this.#options.clock.now().getTime() + expiresInDays * DAY_MS).toISOString();
    const made = { id, hash, name, roles: [...new Set(roles)], sources, expiresAt };
    const store = await this.#options.store();
    const key = await store.create(made, caller.name, signal);
    this.#known.forget();
    return { key: this.#toApi(key), token };
  }

  /** Takes effect in this process at once, in others within `KEYS_KEPT_MS`. @throws E_NO_API_KEY */
  async revoke(
    id: string,
    { caller, signal }: { readonly caller: Caller; readonly signal: AbortSignal },
  ): Promise<ApiKey> {
    try {
      return this.#toApi(await (await this.#options.store()).revoke(id, caller.name, signal));
    } finally {
      this.#known.forget();
    }
  }

  async #find(id: string, signal: AbortSignal): Promise<StoredApiKey | undefined> {
    const known = await this.#known.get(signal);
    const found = known.keys.find((key) => key.id === id);
    if (found || this.#options.clock.now().getTime() - known.readAt < AGAIN_MS) return found;
    this.#known.forget();
    return (await this.#known.get(signal)).keys.find((key) => key.id === id);
  }

  /** Once a day for each key. */
  async #noteUse({ id, lastUsedOn }: StoredApiKey, signal: AbortSignal): Promise<void> {
    const today = this.#options.clock.now().toISOString().slice(0, 10);
    if (lastUsedOn === today || this.#noted.get(id) === today) return;
    this.#noted.set(id, today);
    try {
      await (await this.#options.store()).noteUse(id, signal);
    } catch (error) {
      this.#noted.delete(id);
      this.#options.onError(error);
    }
  }

  #toApi({ hash: _, ...key }: StoredApiKey): ApiKey {
    return { ...key, state: apiKeyState(key, this.#options.clock.now()) };
  }
}

/** The API key in a request; undefined if it has none. */
export function apiKeyOf(request: Request): string | undefined {
  const token = bearerToken(request);
  return token?.startsWith(API_KEY_PREFIX) ? token : undefined;
}

/** Whether a key can be used now. */
export function apiKeyState(
  { revokedAt, expiresAt }: Pick<ApiKey, 'revokedAt' | 'expiresAt'>,
  now: Date,
): ApiKeyState {
  if (revokedAt !== null) return 'revoked';
  return expiresAt !== null && new Date(expiresAt) <= now ? 'expired' : 'active';
}

function refused(message: string): ApiError {
  return new ApiError('E_UNAUTHENTICATED', message, {
    hint: 'An admin makes API keys: holdfast api-keys create, or POST /api-keys (docs/reference/api.md).',
  });
}
