import {
  createApiKey,
  type NewApiKey,
  noteApiKeyUse,
  readApiKeys,
  revokeApiKey,
  type StoredApiKey,
  type StoredApiKeys,
} from '../../jobs/access/api-keys.ts';
import type { Repository } from '../../repository/repository.ts';

/** Where API keys are kept. Everything that it returns is proven. */
export interface ApiKeyStore {
  /** @throws E_NO_KEY, E_STORE_* */
  read(signal: AbortSignal): Promise<StoredApiKeys>;
  create(key: NewApiKey, by: string, signal: AbortSignal): Promise<StoredApiKey>;
  /** @throws E_NO_API_KEY */
  revoke(id: string, by: string, signal: AbortSignal): Promise<StoredApiKey>;
  /** Records that the key was used today. */
  noteUse(id: string, signal: AbortSignal): Promise<void>;
}

/** API keys of a repository that is open with its key. */
export function keysOfRepository(repository: Repository): ApiKeyStore {
  return {
    read: (signal) => readApiKeys(repository, signal),
    create: (key, by, signal) => createApiKey(repository, key, { by, signal }),
    revoke: (id, by, signal) => revokeApiKey(repository, id, { by, signal }),
    noteUse: (id, signal) => noteApiKeyUse(repository, id, signal),
  };
}
