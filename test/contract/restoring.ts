import { compareDatasets, type DatasetComparison } from '../../shared/jobs/restore/compare.ts';
import { HexKeyProvider } from '../../shared/keys/hex-key-provider.ts';
import { Repository } from '../../shared/repository/repository.ts';
import type { BackupContents } from '../../shared/sources/contents.ts';
import type { RestoreOptions, RestorePlan, Target } from '../../shared/sources/target.ts';
import { MemoryStore } from '../../shared/store/memory-store.ts';
import { hostileWorld, restorableWorld } from './checks/worlds.ts';
import { putAll } from './contract.ts';
import type { Place } from './place.ts';
import { asContents, never, readSource } from './reading.ts';
import type { World } from './world.ts';

/** A backup and what it holds. */
export interface Made {
  readonly contents: BackupContents;
  readonly world: World;
}

/** A backup, and an empty place of the same kind to restore it into. */
export interface Restoring extends Made, AsyncDisposable {
  readonly place: Place;
  /** One with every odd name; made when it is first asked for. */
  odd(): Promise<Made>;
}

/** What was backed up by a way to open databases, for all tests that have it. */
const madeBy = new WeakMap<() => Promise<Place>, Map<typeof restorableWorld, Promise<Made>>>();

/** Backs databases up once for all tests that open them in the same way; each gets an empty place of its own. */
export function restoringOf(openEmpty: () => Promise<Place>): () => Promise<Restoring> {
  const all = madeBy.get(openEmpty) ?? new Map<typeof restorableWorld, Promise<Made>>();
  madeBy.set(openEmpty, all);
  const made = (worldOf: typeof restorableWorld) => {
    const before = all.get(worldOf) ?? backUp(openEmpty, worldOf);
    all.set(worldOf, before);
    return before;
  };
  return async () => {
    const found = await made(restorableWorld);
    const place = await openEmpty();
    const odd = () => made(hostileWorld);
    return { ...found, odd, place, [Symbol.asyncDispose]: () => place[Symbol.asyncDispose]() };
  };
}

async function backUp(
  openEmpty: () => Promise<Place>,
  worldOf: (facts: Place['facts']) => World,
): Promise<Made> {
  await using origin = await openEmpty();
  const world = await putAll(origin, worldOf(origin.facts));
  return { world, contents: asContents(await readSource(origin.source(), { schema: true })) };
}

type RunOptions = RestoreOptions & {
  readonly signal?: AbortSignal;
  readonly onDone?: (plainBytes: number) => void;
};

/** Plans and restores, as `restore` does. */
export async function restore(
  target: Target,
  contents: BackupContents,
  { signal = never, onDone, ...options }: RunOptions = {},
): Promise<RestorePlan> {
  const plan = await target.plan(contents, options, signal);
  await carryOut(target, contents, plan, { signal, ...(onDone && { onDone }), ...options });
  return plan;
}

export async function carryOut(
  target: Target,
  contents: BackupContents,
  plan: RestorePlan,
  { signal = never, onDone, ...options }: RunOptions = {},
): Promise<void> {
  await target.restore(contents, plan, {
    ...options,
    signal,
    onProgress: (event) => {
      if (event.kind === 'done') onDone?.(event.plainBytes);
    },
  });
}

/** Whose threads compare. */
let repository: Promise<Repository> | undefined;

async function anyRepository(): Promise<Repository> {
  const opened = { store: new MemoryStore(), keys: new HexKeyProvider('00'.repeat(32)), signal: never };
  await Repository.init(opened);
  return Repository.open({ ...opened, workers: 1 });
}

/** Compares a target with a backup as a restore does when all is written. */
export async function compare(
  target: Target,
  contents: BackupContents,
  plan: RestorePlan,
): Promise<readonly DatasetComparison[]> {
  repository ??= anyRepository();
  const source = plan.comparison?.source ?? target.asSource(plan.compare);
  const compared = plan.comparison?.contents ?? contents;
  const names = plan.compare.filter(({ kind }) => kind === 'data').map(({ name }) => name);
  await using view = await source.open(never);
  return await compareDatasets({
    repository: await repository,
    contents: compared,
    datasets: compared.datasets.filter(({ name }) => names.includes(name)),
    digests: new Map(),
    view,
    isSame: async () => false,
    maxReaders: 1,
    onDataset: () => {},
    signal: never,
  });
}
