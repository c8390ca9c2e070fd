import { type ChangeObject, parseChangeKey } from '../../format/change-keys.ts';
import { listChangeFolders } from '../../repository/changes/list-segments.ts';
import type { Repository } from '../../repository/repository.ts';
import type { ObjectStore } from '../../store/object-store.ts';
import { sourceOfChanges } from './copy-changes.ts';

/** Change segments that a second place lacks. */
export interface ChangesLag {
  readonly missing: number;
  /** When the oldest of them was stored; undefined if none is missing. */
  readonly oldestAt: Date | undefined;
}

/** A place that has all. */
export const NOTHING_MISSING: ChangesLag = { missing: 0, oldestAt: undefined };

/**
 * Compares listings: a segment is there if it lies by itself or in a bundle. Those before the oldest one there do not count: prunes of that
 * place remove them by its own rules.
 *
 * @param about `sources`: by the names in segments, all if undefined
 * @throws E_STORE_*
 */
export async function readChangesLag(
  from: Repository,
  to: ObjectStore,
  about: { readonly sources: readonly string[] | undefined; readonly signal: AbortSignal },
): Promise<ChangesLag> {
  const { sources, signal } = about;
  let lag = NOTHING_MISSING;
  for await (const folder of listChangeFolders(from.store, signal)) {
    if (sources && !sources.includes((await sourceOfChanges(from, folder, signal)) ?? '')) continue;
    lag = sum(lag, await lagOf(from.store, to, { folder, signal }));
  }
  return lag;
}

/** The earlier one of those that there are. */
export function earlier(a: Date | undefined, b: Date | undefined): Date | undefined {
  if (!a || !b) return a ?? b;
  return a < b ? a : b;
}

function sum(a: ChangesLag, b: ChangesLag): ChangesLag {
  return { missing: a.missing + b.missing, oldestAt: earlier(a.oldestAt, b.oldestAt) };
}

type Folder = { readonly folder: string; readonly signal: AbortSignal };

async function lagOf(from: ObjectStore, to: ObjectStore, about: Folder): Promise<ChangesLag> {
  const there = new Set<number>();
  for await (const { numbers } of stretches(to, about)) for (const number of numbers) there.add(number);
  const oldest = there.size === 0 ? 1 : least(there);
  const missing = new Map<number, Date>();
  for await (const { numbers, storedAt } of stretches(from, about))
    for (const number of numbers)
      if (number >= oldest && !there.has(number))
        missing.set(number, earlier(storedAt, missing.get(number)) ?? storedAt);
  return { missing: missing.size, oldestAt: [...missing.values()].reduce(earlier, undefined) };
}

function least(numbers: Iterable<number>): number {
  let found = Number.POSITIVE_INFINITY;
  for (const number of numbers) found = Math.min(found, number);
  return found;
}

/** Segments that lie by themselves, and those of each bundle. */
async function* stretches(
  store: ObjectStore,
  { folder, signal }: Folder,
): AsyncGenerator<{ readonly numbers: Iterable<number>; readonly storedAt: Date }> {
  for await (const { key, modifiedAt } of store.list(folder, { signal })) {
    const named = parseChangeKey(key);
    if (named && named.part === undefined) yield { numbers: numbersOf(named), storedAt: modifiedAt };
  }
}

function* numbersOf({ number, first = number }: ChangeObject): Generator<number> {
  for (let one = first; one <= number; one++) yield one;
}
