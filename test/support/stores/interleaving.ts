import { HoldfastError, isHoldfastError } from '../../../shared/core/errors.ts';
import type { BackupKey } from '../../../shared/core/ids.ts';
import { HOUR_MS, SECOND_MS } from '../../../shared/core/units.ts';
import { runBackup } from '../../../shared/jobs/backup/backup.ts';
import { backupShare } from '../../../shared/jobs/backup/backup-share.ts';
import { commitBackup } from '../../../shared/jobs/backup/commit-backup.ts';
import { planBackup } from '../../../shared/jobs/backup/plan-backup.ts';
import { holdBackup } from '../../../shared/jobs/retention/hold.ts';
import { preparePrune, runPrune } from '../../../shared/jobs/retention/prune.ts';
import { HexKeyProvider } from '../../../shared/keys/hex-key-provider.ts';
import { expireBackup } from '../../../shared/repository/documents/expire.ts';
import { RunDocuments } from '../../../shared/repository/documents/run-documents.ts';
import { Repository } from '../../../shared/repository/repository.ts';
import { readStoreClock } from '../../../shared/repository/store-clock.ts';
import type { SharedView } from '../../../shared/sources/source.ts';
import { MemoryStore } from '../../../shared/store/memory-store.ts';
import type { ObjectStore } from '../../../shared/store/object-store.ts';
import { digests, digestsOf, memorySource, never, TEST_KEY } from '../repository/engine.ts';
import { InlinePool } from '../repository/inline-pool.ts';
import { keepLast, ManualClock, prune } from '../repository/pruning.ts';
import { seededRandom, seededRows } from '../repository/rows.ts';
import { type Actor, Scheduler } from './scheduler.ts';
import { WatchedStore } from './watched-store.ts';

const GRACE_MS = 10 * HOUR_MS;
/** Docs/reference/format.md allows a single store call a quarter of the grace. */
const MOST_PACE_MS = GRACE_MS / 5;
const SOURCES = ['a', 'b'];
const KINDS = ['backup', 'backup', 'backup', 'prune', 'prune', 'prune', 'expire', 'hold'] as const;

const DATASETS = ['t', 'u', 'v'];
const ONE_READER = { consistency: 'atomic', maxReaders: 1 } as const;

interface Deed {
  readonly kind: (typeof KINDS)[number];
  readonly source: string;
  readonly startMs: number;
  /** The longest that a store call of it takes. */
  readonly paceMs: number;
  /** How far this actor's own clock is ahead. */
  readonly skewMs: number;
  /** For what else is to be chosen. */
  readonly pick: number;
}

/** What happens, but for the order of store calls, which `order` seeds. */
export interface Scenario {
  readonly order: number;
  readonly deeds: readonly Deed[];
  /** By what prunes go; that of backups is always right. */
  readonly graceMs: number;
}

export interface Outcome {
  /** What is wrong, or undefined. */
  readonly violation: string | undefined;
  readonly trace: readonly string[];
  /** Codes of errors that may end a deed early. */
  readonly codes: readonly string[];
  readonly prunedPacks: number;
  /** Backups in shares that were listed. */
  readonly inShares: number;
}

/** @param graceMs of prunes; where it is shorter than that of backups, runs are made to fit into what backups think */
export function makeScenario(seed: number, graceMs = GRACE_MS): Scenario {
  const random = seededRandom(seed);
  const [mostPaceMs, spanMs] =
    graceMs < GRACE_MS ? [GRACE_MS / 300, GRACE_MS / 20] : [MOST_PACE_MS, 3 * GRACE_MS];
  const deeds = Array.from({ length: 4 + Math.floor(random() * 5) }, (): Deed => {
    const kind = KINDS[Math.floor(random() * KINDS.length)] ?? 'backup';
    // Mostly backups are slow, and what endangers them is quick.
    const isSlow = random() < (kind === 'backup' ? 0.8 : 0.2);
    return {
      kind,
      source: SOURCES[random() < 0.75 ? 0 : 1] ?? 'a',
      startMs: Math.floor(random() * spanMs),
      paceMs: isSlow ? Math.floor(random() * mostPaceMs) : SECOND_MS,
      skewMs: Math.floor((random() - 0.5) * 2 * HOUR_MS),
      pick: random(),
    };
  });
  return { order: seed, deeds, graceMs };
}

/** The least that still goes wrong: deeds are left out one by one, in several orders of calls. */
export async function shrink(scenario: Scenario, orders: number): Promise<Scenario> {
  for (const left of scenario.deeds) {
    const deeds = scenario.deeds.filter((deed) => deed !== left);
    for (let i = 0; i < orders; i++) {
      const smaller = { ...scenario, deeds, order: scenario.order + i };
      if ((await perform(smaller)).violation !== undefined) return shrink(smaller, orders);
    }
  }
  return scenario;
}

export async function describeCounterexample(scenario: Scenario): Promise<string> {
  const { violation, trace } = await perform(scenario);
  const deeds = scenario.deeds.map(
    ({ kind, source, startMs, paceMs }, i) =>
      `  ${kind}${i} of ${source} begins at ${hours(startMs)}, and waits up to ${hours(paceMs)} for the store`,
  );
  return [violation, `order ${scenario.order}`, ...deeds, ...trace].join('\n');
}

function hours(ms: number): string {
  return `${(ms / HOUR_MS).toFixed(2)} h`;
}

/** Performs a scenario, checking after every store call that no listed backup misses a pack, and at the end that all restore. */
export async function perform(scenario: Scenario): Promise<Outcome> {
  const world = await World.begin(scenario);
  const violation = (await world.play()) ?? (await world.aftermath());
  return {
    violation,
    trace: world.trace,
    codes: world.codes,
    prunedPacks: world.prunedPacks,
    inShares: world.inShares,
  };
}

interface Beginning {
  readonly objects: readonly { readonly key: string; readonly body: Uint8Array; readonly at: Date }[];
  readonly wanted: ReadonlyMap<string, string>;
  readonly endsAt: Date;
}
let beginning: Promise<Beginning> | undefined;

class World {
  readonly #scenario: Scenario;
  readonly #clock = new ManualClock('2026-03-01T00:00:00Z');
  readonly #store = new WatchedStore(new MemoryStore(this.#clock));
  readonly #scheduler: Scheduler;
  readonly #pool = new InlinePool();
  /** What a backup of each version is to give back. */
  readonly #wanted = new Map<string, string>();
  /** Backups that their own run took back, as they may lack packs: nothing was promised of them, held or not. */
  readonly #withdrawn = new Set<unknown>();
  readonly #held = new Set<BackupKey>();
  #versions = 0;
  readonly codes: string[] = [];
  prunedPacks = 0;
  inShares = 0;

  private constructor(scenario: Scenario) {
    this.#scenario = scenario;
    const random = seededRandom(scenario.order);
    const violation = () => this.#store.violation;
    this.#scheduler = new Scheduler({ clock: this.#clock, random, violation });
  }

  static async begin(scenario: Scenario): Promise<World> {
    beginning ??= World.#begin();
    const { objects, wanted, endsAt } = await beginning;
    const world = new World(scenario);
    for (const { key, body, at } of objects) {
      world.#clock.set(at);
      await world.#store.put(key, body);
    }
    world.#clock.set(endsAt);
    for (const [version, digest] of wanted) world.#wanted.set(version, digest);
    world.#versions = wanted.size;
    return world;
  }

  /** A repository with some backups of each source, all older than the grace. Made once: that takes time. */
  static async #begin(): Promise<Beginning> {
    const world = new World({ order: 0, deeds: [], graceMs: GRACE_MS });
    const chunker = { minBytes: 256, averageBytes: 512, maxBytes: 1024 };
    const keys = new HexKeyProvider(TEST_KEY);
    await Repository.init({ store: world.#store, keys, chunker, clock: world.#clock, signal: never });
    for (const source of SOURCES) {
      for (let i = 0; i < 2; i++) {
        await world.#backUp(() => world.#open(world.#store, 0, GRACE_MS), source);
        world.#clock.advance(GRACE_MS);
      }
    }
    const objects = [];
    for await (const { key, modifiedAt } of world.#store.list(''))
      objects.push({ key, body: await world.#store.get(key), at: modifiedAt });
    // Packs before the manifests that name them.
    objects.reverse();
    return { objects, wanted: world.#wanted, endsAt: world.#clock.now() };
  }

  get trace(): readonly string[] {
    return this.#scheduler.trace;
  }

  play(): Promise<string | undefined> {
    return this.#scheduler.run(this.#scenario.deeds.map((deed, i) => this.#actor(deed, `${deed.kind}${i}`)));
  }

  /** Two prunes past the grace, then every listed backup is restored. */
  async aftermath(): Promise<string | undefined> {
    const repository = await this.#open(this.#store, 0, GRACE_MS);
    for (let i = 0; i < 2; i++) {
      this.#clock.advance(GRACE_MS);
      await prune(repository, keepLast(1));
    }
    if (this.#store.violation !== undefined) return this.#store.violation;
    const keys = await repository.backupKeys(never);
    for (const key of keys) {
      const { position } = (await repository.openBackup(key, never)).catalog;
      const restored = JSON.stringify(await digests(repository, key));
      if (restored !== this.#wanted.get(position)) return `${key} gives back something else`;
    }
    for (const key of this.#held)
      if (!keys.includes(key) && !this.#withdrawn.has(key)) return `${key} is held, and gone`;
    // Whoever removes by name may remove what a prune has just kept for the last one.
    if (this.#scenario.deeds.some(({ kind }) => kind === 'expire')) return undefined;
    for (const source of SOURCES)
      if (!this.#store.sources().has(source)) return `source ${source} has no backup any more`;
    return undefined;
  }

  #actor(deed: Deed, name: string): Actor {
    const { startMs, paceMs, pick } = deed;
    const random = seededRandom(this.#scenario.order + Math.floor(pick * 2 ** 31));
    const run = async (): Promise<void> => {
      try {
        await this.#do(deed, actor);
      } catch (error) {
        if (!isAllowed(error)) throw error;
        this.#withdrawn.add(error.details['withdrawn']);
        this.codes.push(error.code);
      }
    };
    const actor = { name, startMs, paceMs, random, run };
    return actor;
  }

  async #do({ kind, source, skewMs, pick }: Deed, actor: Actor): Promise<void> {
    const store = this.#scheduler.storeFor(actor, this.#store);
    const graceMs = kind === 'backup' ? GRACE_MS : this.#scenario.graceMs;
    const open = () => this.#open(store, skewMs, graceMs);
    if (kind === 'backup') {
      const pause = () => this.#scheduler.pause(actor);
      const inShares = pick < 0.5 ? () => randomRun(actor.random) : undefined;
      return this.#backUp(open, source, { pause, inShares });
    }
    const repository = await open();
    if (kind === 'prune') return this.#prune(repository, pick < 0.7 ? 1 : 2);
    const keys = await repository.backupKeys(never);
    // Mostly the newest of the source: what a backup that runs is compared with.
    const ofSource = keys.filter((each) => this.#store.sourceOf(each) === source);
    const key = ofSource[Math.floor(pick ** 3 * ofSource.length)];
    if (!key) return;
    if (kind === 'hold') {
      await holdBackup(repository, key, { reason: 'audit', signal: never });
      this.#held.add(key);
    } else if (this.#hasAnother(key)) await this.#expire(repository, key);
  }

  /** Not the last of its source, and not one that is held: nobody who removes a backup by name may do that. */
  #hasAnother(key: BackupKey): boolean {
    return this.#store.sources().get(this.#store.sourceOf(key) ?? '') !== 1;
  }

  async #expire(repository: Repository, key: BackupKey): Promise<void> {
    const at = await readStoreClock(repository.store, never);
    const since = this.#clock.now().getTime();
    const mayRemove = () => {
      if (this.#clock.now().getTime() - since > this.#scenario.graceMs / 4)
        throw new HoldfastError('E_RUN_TOO_LONG', 'too long');
    };
    if ((await repository.marks(never)).of(key).hold) return;
    await expireBackup(repository.store, key, { at, mayRemove, signal: never });
  }

  async #prune(repository: Repository, last: number): Promise<void> {
    const rules = { policy: keepLast(last), maxShare: 1 };
    const prepared = await preparePrune(repository, rules, { isDryRun: false, signal: never });
    this.prunedPacks += (await runPrune(repository, prepared, { signal: never })).removedPacks;
  }

  /** In shares each part opens the repository anew, as other processes would. */
  async #backUp(
    open: () => Promise<Repository>,
    name: string,
    options: { readonly pause?: () => Promise<void>; readonly inShares?: (() => string) | undefined } = {},
  ): Promise<void> {
    const version = ++this.#versions;
    const { pause = async () => {}, inShares } = options;
    const data = Object.fromEntries(DATASETS.map((dataset, i) => [dataset, rowsOf(version, i)]));
    // A run may fail after its backup was listed: by the source's position the backup says which version it holds.
    const source = { ...memorySource(data, { name, read: pause }), capabilities: ONE_READER };
    this.#wanted.set(String(version), JSON.stringify(digestsOf(data)));
    const view = async (signal: AbortSignal) => ({
      ...(await source.open(signal)),
      position: String(version),
      handle: {},
    });
    const shared = {
      ...source,
      open: view,
      sharing: { join: (_: SharedView, signal: AbortSignal) => view(signal) },
    };
    if (!inShares) return void (await runBackup(await open(), shared, { type: 'daily', signal: never }));
    const planning = { run: inShares(), type: 'daily', shareBytes: 1, signal: never };
    const { run, shares } = await planBackup(await open(), shared, planning);
    for (const { share } of shares) {
      await pause();
      await backupShare(await open(), shared, { run, share, signal: never });
    }
    const repository = await open();
    await new RunDocuments(repository.context, run).put('held', 'held', { stood: true }, never);
    await commitBackup(repository, { run, signal: never });
    this.inShares++;
  }

  #open(store: ObjectStore, skewMs: number, graceMs: number): Promise<Repository> {
    const clock = { now: () => new Date(this.#clock.now().getTime() + skewMs) };
    const keys = new HexKeyProvider(TEST_KEY);
    const options = { store, keys, workers: 1, pool: this.#pool, packBytes: 512, graceMs, clock };
    return Repository.open({ ...options, signal: never });
  }
}

function randomRun(random: () => number): string {
  return Array.from({ length: 32 }, () => Math.floor(random() * 16).toString(16)).join('');
}

/** Of every fifth row something changes with each version, and some rows are new. */
function rowsOf(version: number, dataset: number): string {
  const rows = seededRows(14, dataset).map((row, i) =>
    (i + version) % 5 === 0 ? `${version}\t${row}` : row,
  );
  return rows.join('') + seededRows(4, 100 * version + dataset).join('');
}

/** What a deed may end with, harming nothing: it took too long, or what it was to work on is gone. */
function isAllowed(error: unknown): error is HoldfastError {
  return (
    isHoldfastError(error) &&
    ['E_RUN_TOO_LONG', 'E_NO_BACKUP', 'E_DAMAGED', 'E_OBJECT_NOT_FOUND'].includes(error.code)
  );
}
