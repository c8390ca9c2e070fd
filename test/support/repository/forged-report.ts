import type { ObjectStore } from '../../../shared/store/object-store.ts';
import { documentAt, newKey, signed } from './by-hand.ts';
import { TEST_KEY } from './engine.ts';

/**
 * Puts a report by hand, from docs/reference/format.md: what somebody can do who has a root key, or (without `mac`) none. Returns its key.
 *
 * @param about.key the root key that it is signed under
 */
export async function putReport(
  store: ObjectStore,
  kind: string,
  about: { readonly backup: string; readonly body: object; readonly key?: string; readonly mac?: boolean },
): Promise<string> {
  const { backup, body, key: underKey = TEST_KEY, mac = true } = about;
  const repository = (await documentAt(store, 'repository.json'))['id'];
  const run = 'c0'.repeat(16);
  const at = new Date().toISOString();
  const [date = '', time = ''] = at.slice(0, 19).replaceAll(/[-:]/g, '').split('T');
  const key = `reports/${kind}/${date}/${kind}_${date}_${time}_${run.slice(0, 8)}.json`;
  const own = await newKey(repository, { run, purpose: 'manifest', underKey });
  const document = {
    format: 'holdfast-report',
    version: 1,
    software: 'forged',
    repository,
    key,
    kind,
    run,
    at,
  };
  await store.put(
    key,
    signed({ ...document, backups: [backup], body, keys: [own.entry] }, mac ? own.plain : 'no key'),
  );
  return key;
}
