import type { BackupKey } from '../../../shared/core/ids.ts';
import { packKey } from '../../../shared/format/pack.ts';
import type { NodeRef } from '../../../shared/format/tree.ts';
import type { Repository } from '../../../shared/repository/repository.ts';
import { MemoryStore } from '../../../shared/store/memory-store.ts';
import type { ObjectStore } from '../../../shared/store/object-store.ts';
import { never } from './engine.ts';
import { listedPacks } from './listed.ts';

/** What happens to an object; undefined takes it away. */
export type Harm = (body: Buffer) => Buffer | undefined;

/** The ways in which an object is damaged. */
export const HARMS = {
  removed: () => undefined,
  'cut short': (body: Buffer) => body.subarray(0, body.length >> 1),
  'changed in the middle': (body: Buffer) => flipped(body, body.length >> 1),
} as const satisfies Record<string, Harm>;

export function flipped(body: Buffer, at: number): Buffer {
  body[at] = (body[at] ?? 0) ^ 4;
  return body;
}

/** A copy of a store in which objects came to harm. */
export async function harmed(
  store: ObjectStore,
  harms: Readonly<Record<string, Harm>>,
): Promise<MemoryStore> {
  const copy = new MemoryStore();
  for await (const { key } of store.list('')) {
    const body = Buffer.from(await store.get(key));
    const put = harms[key] ? harms[key](body) : body;
    if (put) await copy.put(key, put);
  }
  return copy;
}

/** Object keys of the packs of a backup, by what they hold. */
export async function packsOf(repository: Repository, key: BackupKey) {
  const packs = await listedPacks(repository, key);
  const of = (purpose: string) =>
    packs.filter((pack) => pack.key?.purpose === purpose).map(({ id }) => packKey(id as never));
  return { data: of('data'), index: of('index') };
}

/** All nodes of a partition's tree. */
export async function nodesOf(repository: Repository, key: BackupKey, dataset: string): Promise<NodeRef[]> {
  const reader = await repository.openBackup(key, never);
  const nodes: NodeRef[] = [];
  const onNode = (node: NodeRef) => void nodes.push(node);
  for await (const _ of reader.leaves(reader.root(dataset, '0000'), { onNode, signal: never }));
  return nodes;
}
