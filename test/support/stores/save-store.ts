import { mkdir, utimes, writeFile } from 'node:fs/promises';
import path from 'node:path';
import type { MemoryStore } from '../../../shared/store/memory-store.ts';

/** Writes all that is in memory into a folder, each object dated as it is in the store. */
export async function saveTo(folder: string, store: MemoryStore): Promise<void> {
  for await (const { key, modifiedAt } of store.list('')) {
    const file = path.join(folder, key);
    await mkdir(path.dirname(file), { recursive: true });
    await writeFile(file, await store.get(key));
    await utimes(file, modifiedAt, modifiedAt);
  }
}
