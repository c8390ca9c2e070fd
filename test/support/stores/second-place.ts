import { createHash } from 'node:crypto';
import type { ObjectStore } from '../../../shared/store/object-store.ts';
import { neededObjects, objectOf } from '../repository/needed-objects.ts';

/**
 * What is wrong with a place, by plain JSON and SHA-256 alone: listed manifests whose packs are missing, or are not what their names say.
 * Nothing of Holdfast decides it.
 */
export async function faultsOf(store: ObjectStore): Promise<readonly string[]> {
  const faults: string[] = [];
  const bodies = new Map<string, Buffer>();
  for await (const { key } of store.list('')) bodies.set(key, Buffer.from(await store.get(key)));
  for (const [key, body] of bodies) {
    if (!/^backups\/[a-z]/.test(key)) continue;
    const { packs = [] } = JSON.parse(body.toString()) as {
      readonly packs?: readonly { readonly id: string; readonly bytes: number }[];
    };
    const sizes = new Map(packs.map(({ id, bytes }) => [objectOf(id), bytes]));
    for (const object of await neededObjects(store, key).catch(() => [`${key}: a list of packs`])) {
      const pack = bodies.get(object);
      if (!pack) faults.push(`${key} lacks ${object}`);
      else if (pack.length !== (sizes.get(object) ?? pack.length) || !object.endsWith(`/${sha256(pack)}`))
        faults.push(`${key} has another ${object}`);
    }
  }
  return faults;
}

function sha256(bytes: Buffer): string {
  return createHash('sha256').update(bytes).digest('hex');
}

/** Keys of objects below a prefix. */
export async function keysBelow(store: ObjectStore, prefix: string): Promise<string[]> {
  return (await Array.fromAsync(store.list(prefix))).map(({ key }) => key);
}

/** Objects that one place has and the other lacks, or has otherwise. */
export async function differences(
  one: ObjectStore,
  other: ObjectStore,
  prefixes: readonly string[] = ['repository.json', 'keys/', 'backups/', 'data/'],
): Promise<readonly string[]> {
  const found: string[] = [];
  for (const prefix of prefixes)
    for (const key of new Set([...(await keysBelow(one, prefix)), ...(await keysBelow(other, prefix))])) {
      const [a, b] = await Promise.all([bytes(one, key), bytes(other, key)]);
      if (!a?.equals(b ?? Buffer.alloc(0)) || !b) found.push(key);
    }
  return found;
}

async function bytes(store: ObjectStore, key: string): Promise<Buffer | undefined> {
  try {
    return Buffer.from(await store.get(key));
  } catch {
    return undefined;
  }
}

/** A store that passes every call on, to change some of them. */
export function passing(store: ObjectStore): ObjectStore {
  return {
    location: store.location,
    put: (...args) => store.put(...args),
    get: (...args) => store.get(...args),
    head: (...args) => store.head(...args),
    delete: (...args) => store.delete(...args),
    list: (...args) => store.list(...args),
  };
}
