import { zstdCompressSync } from 'node:zlib';
import { MemoryStore } from '../../../shared/store/memory-store.ts';
import type { ListOptions, ObjectInfo } from '../../../shared/store/object-store.ts';

/** A store whose objects anybody may replace, as in a bucket without rules. */
export class OpenStore extends MemoryStore {
  async replace(key: string, body: Uint8Array): Promise<void> {
    await this.delete(key);
    await this.put(key, body);
  }

  async keys(prefix: string): Promise<string[]> {
    return (await Array.fromAsync(this.list(prefix))).map(({ key }) => key);
  }
}

/** The same objects in a store whose listings say nothing of what objects hold: all is read from the objects themselves. */
export function withoutEtags(store: MemoryStore): MemoryStore {
  return new Proxy(store, {
    get: (target, name) => {
      if (name === 'list')
        return async function* (prefix: string, options?: ListOptions): AsyncGenerator<ObjectInfo> {
          for await (const { key, sizeBytes, modifiedAt } of target.list(prefix, options))
            yield { key, sizeBytes, modifiedAt };
        };
      const value: unknown = Reflect.get(target, name);
      return typeof value === 'function' ? value.bind(target) : value;
    },
  });
}

/** A bundle as docs/reference/format.md says it, by hand: one section. */
export function bundleOf(objects: ReadonlyMap<string, Uint8Array>): Buffer {
  const section = zstdCompressSync(Buffer.concat([...objects.values()]));
  const named = [...objects].map(([key, bytes]) => [key, bytes.length]);
  const sections = [{ bytes: section.length, objects: named }];
  const index = zstdCompressSync(JSON.stringify({ format: 'holdfast-bundle', version: 1, sections }));
  const length = Buffer.alloc(4);
  length.writeUInt32LE(index.length);
  return Buffer.concat([length, index, section]);
}
