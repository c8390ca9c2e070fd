import { MemoryStore } from '../../../shared/store/memory-store.ts';
import type { ObjectStore } from '../../../shared/store/object-store.ts';

/** The objects of a store again, each put through `change` on the way; what that makes undefined is left out. */
export async function copyStore(
  from: ObjectStore,
  change: (key: string, body: Buffer) => Uint8Array | undefined = (_, body) => body,
): Promise<MemoryStore> {
  const copy = new MemoryStore();
  for await (const { key } of from.list('')) {
    const body = change(key, Buffer.from(await from.get(key)));
    if (body) await copy.put(key, body);
  }
  return copy;
}

/** All objects of a store by key, to see that nothing was touched. */
export async function contentsOf(store: ObjectStore): Promise<Map<string, string>> {
  const contents = new Map<string, string>();
  for await (const { key } of store.list(''))
    contents.set(key, Buffer.from(await store.get(key)).toString('base64'));
  return contents;
}
