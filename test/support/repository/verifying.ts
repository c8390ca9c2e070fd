import type { BackupKey } from '../../../shared/core/ids.ts';
import { verifyBackups } from '../../../shared/jobs/verify/verify.ts';
import type { VerifyDepth } from '../../../shared/jobs/verify/verify-depth.ts';
import type { Repository } from '../../../shared/repository/repository.ts';
import { MemoryStore } from '../../../shared/store/memory-store.ts';
import type { ObjectStore } from '../../../shared/store/object-store.ts';
import { packsOf } from './damage.ts';
import { backUp, type Data, initRepository, never, openRepository } from './engine.ts';
import { seededRows } from './rows.ts';

export const SMALL_PACKS = { packBytes: 16 * 1024, workers: 1 };
export const rows = seededRows(700, 1);
export const data: Data = {
  'pre-data': 'create table t ();\n',
  t: rows.join(''),
  u: seededRows(50, 2).join(''),
};
export const FULL: VerifyDepth = { kind: 'full' };

export async function backedUp() {
  const store = new MemoryStore();
  await initRepository(store);
  await using repository = await openRepository(store, SMALL_PACKS);
  const { key } = await backUp(repository, data);
  return { store, key, packs: await packsOf(repository, key) };
}

export async function verifyStore(store: ObjectStore, depth = FULL, keys?: readonly BackupKey[]) {
  await using repository = await openRepository(store, SMALL_PACKS);
  return await verifyAll(repository, depth, keys);
}

export async function verifyAll(repository: Repository, depth = FULL, keys?: readonly BackupKey[]) {
  return verifyBackups(repository, keys ?? (await repository.backupKeys(never)), { depth, signal: never });
}

/** The store, doing something else before calls that are chosen. */
export function passingBy(
  inner: MemoryStore,
  before: Readonly<Record<string, () => Promise<void>>>,
  isChosen: (name: string, key: string) => boolean,
): ObjectStore {
  const call =
    (name: 'get' | 'head') =>
    async (key: string, ...rest: never[]) => {
      if (isChosen(name, key)) await before[name]?.();
      return inner[name](key, ...rest) as never;
    };
  async function* list(prefix: string) {
    if (isChosen('list', prefix)) await before['list']?.();
    yield* inner.list(prefix);
  }
  const { location } = inner;
  return {
    location,
    get: call('get'),
    head: call('head'),
    list,
    put: inner.put.bind(inner),
    delete: inner.delete.bind(inner),
  };
}
