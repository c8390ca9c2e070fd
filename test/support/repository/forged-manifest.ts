import { createHmac } from 'node:crypto';
import type { BackupKey } from '../../../shared/core/ids.ts';
import { HexKeyProvider } from '../../../shared/keys/hex-key-provider.ts';
import type { ObjectStore } from '../../../shared/store/object-store.ts';
import { TEST_KEY } from './engine.ts';

/** The key that a backup of that moment has, from docs/reference/format.md. */
export function keyOf(type: string, at: string): BackupKey {
  const [date = '', time = ''] = at.slice(0, 19).replaceAll(/[-:]/g, '').split('T');
  return `backups/${type}/${date}/backup_${type}_${date}_${time}.json` as BackupKey;
}

/**
 * Lists an honest backup again as one of another date: what somebody can do who may have keys made and objects stored. By hand,
 * from docs/reference/format.md; only the wrapping of a key is ours.
 *
 * @param options.mac false: not signed, by somebody without any key
 * @param options.underKey the root key that signs it
 */
export async function listAgain(
  store: ObjectStore,
  honest: BackupKey,
  options: { readonly type: string; readonly at: string; readonly mac?: boolean; readonly underKey?: string },
): Promise<BackupKey> {
  const { type, at, mac = true, underKey = TEST_KEY } = options;
  const listed = JSON.parse(Buffer.from(await store.get(honest)).toString());
  const run = createHmac('sha256', 'run').update(at).digest('hex').slice(0, 32);
  const key = keyOf(type, at);
  const own = await new HexKeyProvider(underKey).generateDataKey({
    repository: listed.repository,
    run,
    purpose: 'manifest',
  });
  const entry = { run, purpose: 'manifest', rootKeyId: own.rootKeyId, wrapped: own.wrapped };
  const { mac: _, ...honestly } = listed;
  const manifest = {
    ...honestly,
    key,
    type,
    run,
    startedAt: at,
    finishedAt: at,
    keys: [...listed.keys, entry],
  };
  const body = JSON.stringify(manifest).slice(0, -1);
  const code = createHmac('sha256', mac ? own.plain : 'no key')
    .update(body)
    .digest('hex');
  await store.put(key, Buffer.from(`${body},\n"mac":"${code}"}\n`));
  return key;
}
