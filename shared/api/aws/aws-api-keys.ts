import * as z from 'zod';
import type { ApiKeyStore } from '../access/api-key-store.ts';
import { ApiKey } from '../schema/api-keys.ts';
import type { AwsServices } from './aws-services.ts';

const Stored = ApiKey.omit({ state: true }).extend({ hash: z.string() });
const AllStored = z.object({ keys: z.array(Stored), problems: z.array(z.string()) });

/** API keys, through the function `decide`: it has the repository's key, which proves them. */
export function keysOfFunction(services: Pick<AwsServices, 'call'>): ApiKeyStore {
  const decide = (event: object, signal: AbortSignal) => services.call('decide', event, signal);
  return {
    read: async (signal) => AllStored.parse(await decide({ action: 'api-keys' }, signal)),
    create: async (key, requestedBy, signal) =>
      Stored.parse(await decide({ action: 'create-api-key', key, requestedBy }, signal)),
    revoke: async (id, requestedBy, signal) =>
      Stored.parse(await decide({ action: 'revoke-api-key', id, requestedBy }, signal)),
    noteUse: async (id, signal) => {
      await decide({ action: 'note-api-key-use', id }, signal);
    },
  };
}
