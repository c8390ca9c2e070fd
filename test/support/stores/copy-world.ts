import { type HoldfastError, isHoldfastError } from '../../../shared/core/errors.ts';
import { HOUR_MS, SECOND_MS } from '../../../shared/core/units.ts';
import { runBackup } from '../../../shared/jobs/backup/backup.ts';
import { copyBackups } from '../../../shared/jobs/copy/copy.ts';
import { holdBackup } from '../../../shared/jobs/retention/hold.ts';
import { HexKeyProvider } from '../../../shared/keys/hex-key-provider.ts';
import { Repository } from '../../../shared/repository/repository.ts';
import { MemoryStore } from '../../../shared/store/memory-store.ts';
import type { ObjectStore } from '../../../shared/store/object-store.ts';
import { digests, digestsOf, memorySource, never, TEST_KEY } from '../repository/engine.ts';
import { InlinePool } from '../repository/inline-pool.ts';
import { keepLast, ManualClock, prune } from '../repository/pruning.ts';
import { seededRandom, seededRows } from '../repository/rows.ts';
import { copyStore } from './copy-store.ts';
import { FaultyStore } from './faulty-store.ts';
import { type Actor, Scheduler } from './scheduler.ts';
import { WatchedStore } from './watched-store.ts';

const GRACE_MS = 10 * HOUR_MS;
/** A single store call may take a quarter of the grace. */
const MOST_PACE_MS = GRACE_MS / 5;
/** The second store's clock beside the first's. */
const SKEW_MS = 3 * HOUR_MS;
const KINDS = ['copy', 'copy', 'copy', 'prune-there', 'prune-there', 'prune-here', 'backup', 'hold'] as const;
/** Of a copy that is killed: calls of the second place that it lives for. */
const MOST_LIFE = 40;

interface Deed {
  readonly kind: (typeof KINDS)[number];
  readonly startMs: number;
  readonly paceMs: number;
  /** How far this actor's own clock is ahead. */
  readonly skewMs: number;
  readonly pick: number;
}

interface CopyOutcome {
  /** What is wrong, or undefined. */
  readonly violation: string | undefined;
  readonly trace: readonly string[];
  readonly copied: number;
  readonly waiting: number;
  readonly removedThere: number;
}

/** Copies, prunes of both places, backups and holds, in an order of store calls that the seed decides. */
export async function performCopies(seed: number, { protect = true } = {}): Promise<CopyOutcome> {
  const world = new CopyWorld(seed, protect);
  await world.begin();
  const violation = (await world.play()) ?? (await world.aftermath());
  const { trace, copied, waiting, removedThere } = world;
  return { violation, trace, copied, waiting, removedThere };
}

function deedsOf(seed: number): readonly Deed[] {
  const random = seededRandom(seed);
  return Array.from({ length: 5 + Math.floor(random() * 5) }, () => {
    const kind = KINDS[Math.floor(random() * KINDS.length)] ?? 'copy';
    const isSlow = random() < (kind === 'copy' ? 0.7 : 0.3);
    return {
      kind,
      startMs: Math.floor(random() * 4 * GRACE_MS),
      paceMs: isSlow ? Math.floor(random() * MOST_PACE_MS) : SECOND_MS,
      skewMs: Math.floor((random() - 0.5) * 2 * HOUR_MS),
      pick: random(),
    };
  });
}

interface Beginning {
  readonly objects: readonly { readonly key: string; readonly body: Uint8Array; readonly at: Date }[];
  readonly endsAt: Date;
}
let beginning: Promise<Beginning> | undefined;

class CopyWorld {
  readonly #seed: number;
  /** By what copies go; without, they believe that nobody prunes. */
  readonly #protect: boolean;
  readonly #clock = new ManualClock('2026-03-01T00:00:00Z');
  readonly #first = new WatchedStore(new MemoryStore(this.#clock));
  readonly #second = new WatchedStore(
    new MemoryStore({ now: () => new Date(this.#clock.now().getTime() + SKEW_MS) }),
  );
  readonly #scheduler: Scheduler;
  readonly #pool = new InlinePool();
  #versions = 0;
  copied = 0;
  waiting = 0;
  removedThere = 0;

  constructor(seed: number, protect: boolean) {
    this.#seed = seed;
    this.#protect = protect;
    const violation = () => this.#first.violation ?? this.#second.violation;
    this.#scheduler = new Scheduler({ clock: this.#clock, random: seededRandom(seed), violation });
  }

  get trace(): readonly string[] {
    return this.#scheduler.trace;
  }

  /** Three backups, all older than the grace; the second place has the packs of a copy that was killed then. Made once. */
  async begin(): Promise<void> {
    beginning ??= this.#begin();
    const { objects, endsAt } = await beginning;
    if ((await Array.fromAsync(this.#first.list(''))).length === 0)
      for (const { key, body, at } of objects) {
        this.#clock.set(at);
        await this.#first.put(key, body);
        if (key === 'repository.json' || (key.startsWith('data/') && key.charCodeAt(5) % 2 === 0))
          await this.#second.put(key, body);
      }
    this.#clock.set(endsAt);
    this.#versions = 3;
  }

  async #begin(): Promise<Beginning> {
    const scratch = new MemoryStore(this.#clock);
    const chunker = { minBytes: 256, averageBytes: 512, maxBytes: 1024 };
    const keys = new HexKeyProvider(TEST_KEY);
    await Repository.init({ store: scratch, keys, chunker, clock: this.#clock, signal: never });
    for (let i = 0; i < 3; i++) {
      await this.#backUp(await this.#open(scratch, 0));
      this.#clock.advance(GRACE_MS);
    }
    const objects = [];
    for await (const { key, modifiedAt } of scratch.list(''))
      objects.push({ key, body: await scratch.get(key), at: modifiedAt });
    objects.sort((a, b) => a.at.getTime() - b.at.getTime() || (a.key < b.key ? 1 : -1));
    return { objects, endsAt: this.#clock.now() };
  }

  play(): Promise<string | undefined> {
    return this.#scheduler.run(deedsOf(this.#seed).map((deed, i) => this.#actor(deed, `${deed.kind}${i}`)));
  }

  /** Copies half a grace apart and more; then the first place is lost, prunes run, and what is listed in the second is restored. */
  async aftermath(): Promise<string | undefined> {
    for (let i = 0; i < 2; i++) {
      this.#clock.advance(0.6 * GRACE_MS);
      await this.#copy(this.#second, 0);
    }
    const first = await this.#open(this.#first, 0);
    const wanted = await first.backupKeys(never);
    const there = await this.#open(await copyStore(this.#second), 0);
    const listed = await there.backupKeys(never);
    const missing = wanted.filter((key) => !listed.includes(key));
    if (missing.length > 0) return `${missing.join()} is listed in the first place alone`;
    for (const key of listed) {
      const { position } = (await there.openBackup(key, never)).catalog;
      const restored = JSON.stringify(await digests(there, key));
      if (restored !== JSON.stringify(digestsOf(dataOf(Number(position))))) return `${key} is another`;
    }
    return this.#second.violation;
  }

  #actor(deed: Deed, name: string): Actor {
    const random = seededRandom(this.#seed + Math.floor(deed.pick * 2 ** 31));
    const run = async (): Promise<void> => {
      try {
        await this.#do(deed, actor);
      } catch (error) {
        if (!isAllowed(error)) throw error;
      }
    };
    const { startMs, paceMs } = deed;
    const actor = { name, startMs, paceMs, random, run };
    return actor;
  }

  async #do({ kind, skewMs, pick }: Deed, actor: Actor): Promise<void> {
    const here = this.#scheduler.storeFor(actor, this.#first);
    const there = this.#scheduler.storeFor(actor, this.#second);
    if (kind === 'copy') {
      const life = Math.floor(actor.random() * 2 * MOST_LIFE);
      const mortal = life < MOST_LIFE ? new FaultyStore(there).dieAt(life + 1, 'after') : there;
      return this.#copy(mortal, skewMs, here);
    }
    if (kind === 'prune-there') {
      const { removedPacks } = await prune(await this.#open(there, skewMs), keepLast(pick < 0.5 ? 1 : 2));
      this.removedThere += removedPacks;
      return;
    }
    const repository = await this.#open(here, skewMs);
    if (kind === 'backup') return this.#backUp(repository);
    if (kind === 'prune-here') return void (await prune(repository, keepLast(2)));
    const keys = await repository.backupKeys(never);
    const key = keys[Math.floor(pick * keys.length)];
    if (key) await holdBackup(repository, key, { reason: 'audit', signal: never });
  }

  async #copy(to: ObjectStore, skewMs: number, from: ObjectStore = this.#first): Promise<void> {
    const repository = await this.#open(from, skewMs, false);
    const graceMs = this.#protect ? GRACE_MS : 0;
    const { copied, passedOver } = await copyBackups(repository, to, { graceMs, signal: never });
    this.copied += copied.length;
    this.waiting += passedOver.filter(({ why }) => why === 'waiting').length;
  }

  async #backUp(repository: Repository): Promise<void> {
    const version = ++this.#versions;
    const source = memorySource(dataOf(version), { name: 'shop' });
    const one = { consistency: 'atomic', maxReaders: 1 } as const;
    const open = async (signal: AbortSignal) => ({
      ...(await source.open(signal)),
      position: String(version),
    });
    await runBackup(repository, { ...source, capabilities: one, open }, { type: 'daily', signal: never });
  }

  #open(store: ObjectStore, skewMs: number, withKey = true): Promise<Repository> {
    const clock = { now: () => new Date(this.#clock.now().getTime() + skewMs) };
    const keys = withKey ? new HexKeyProvider(TEST_KEY) : undefined;
    const options = { store, keys, workers: 1, pool: this.#pool, packBytes: 512, graceMs: GRACE_MS, clock };
    return Repository.open({ ...options, signal: never });
  }
}

/** Of every fifth row something changes with each version. */
function dataOf(version: number) {
  const rows = seededRows(14, 1).map((row, i) => ((i + version) % 5 === 0 ? `${version}\t${row}` : row));
  return { t: rows.join('') + seededRows(4, 100 + version).join('') };
}

const ALLOWED = ['E_RUN_TOO_LONG', 'E_NO_BACKUP', 'E_DAMAGED', 'E_OBJECT_NOT_FOUND', 'E_STORE_DENIED'];

function isAllowed(error: unknown): error is HoldfastError {
  return isHoldfastError(error) && ALLOWED.includes(error.code);
}
