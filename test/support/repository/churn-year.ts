import { parseBackupKey } from '../../../shared/core/ids.ts';
import { DAY_MS, MiB } from '../../../shared/core/units.ts';
import { DEFAULT_CHUNKER } from '../../../shared/format/repository-file.ts';
import { MemoryStore } from '../../../shared/store/memory-store.ts';
import { backUp, initRepository, never, openRepository } from './engine.ts';
import { InlinePool } from './inline-pool.ts';
import { listedPacks } from './listed.ts';
import { ManualClock, prune } from './pruning.ts';
import { seededRandom } from './rows.ts';

const START = '2025-01-01T02:00:00Z';
/** The built-in days, and a year of months. */
const RETENTION = { days: { daily: 30, weekly: 84, manual: 365 }, counts: { monthly: 12 } };

export interface ChurnOptions {
  readonly days: number;
  readonly rows: number;
  /** Shares of the rows that change a day, at random between the two. */
  readonly churn: readonly [number, number];
  readonly rowOf: (id: number, version: number) => string;
  readonly chunker?: typeof DEFAULT_CHUNKER;
  readonly packBytes?: number;
}

export interface ChurnDay {
  readonly day: number;
  /** Bytes that the day's backups added. */
  readonly addedBytes: number;
  /** Bytes of all packs that the newest backup needs. */
  readonly neededBytes: number;
  /** Bytes that a first backup of the same data takes, in a repository of its own. */
  readonly freshBytes: number;
}

export interface ChurnYear {
  readonly days: readonly ChurnDay[];
  /** All packs, after the last day's prune. */
  readonly storedBytes: number;
  /** The same where a new repository is given what is still listed, oldest first. */
  readonly freshBytes: number;
}

/**
 * A backup a day of rows, some of which change, one more each Sunday, and a prune after each, in memory and by a clock of its
 * own.
 *
 * @param onDay called with each day
 */
export async function churnYear(
  options: ChurnOptions,
  onDay: (day: ChurnDay) => void = () => {},
): Promise<ChurnYear> {
  const { days, rows, churn, rowOf } = options;
  const [least, most] = churn;
  const main = await open(options);
  const random = seededRandom(7);
  const versions = new Uint16Array(rows);
  const history: Uint16Array[] = [];
  const found: ChurnDay[] = [];
  for (let day = 0; day <= days; day++) {
    if (day > 0) {
      main.clock.advanceDays(1);
      changeSome(versions, day, { share: least + (most - least) * random(), random });
    }
    history.push(versions.slice());
    const data = dataOf(versions, rowOf);
    const types = main.clock.now().getUTCDay() === 0 ? ['daily', 'weekly'] : ['daily'];
    let addedBytes = 0;
    let neededBytes = 0;
    for (const type of types) {
      const { key, storedBytes } = await backUp(main.repository, data, { type });
      addedBytes += storedBytes;
      neededBytes = sum(await listedPacks(main.repository, key));
    }
    await prune(main.repository, RETENTION);
    const fresh = await open(options);
    const { storedBytes: freshBytes } = await backUp(fresh.repository, data);
    await fresh.repository[Symbol.asyncDispose]();
    found.push({ day, addedBytes, neededBytes, freshBytes });
    onDay({ day, addedBytes, neededBytes, freshBytes });
  }
  const again = await open(options);
  const keys = await main.repository.backupKeys(never);
  for (const key of keys.toReversed()) {
    const { type = '', startedAt = new Date(0) } = parseBackupKey(key) ?? {};
    const day = Math.floor((startedAt.getTime() - Date.parse(START)) / DAY_MS);
    again.clock.set(startedAt);
    await backUp(again.repository, dataOf(history[day] ?? versions, rowOf), { type });
  }
  return {
    days: found,
    storedBytes: await sizeOfPacks(main.store),
    freshBytes: await sizeOfPacks(again.store),
  };
}

function changeSome(
  versions: Uint16Array,
  day: number,
  { share, random }: { readonly share: number; readonly random: () => number },
): void {
  for (let id = 0; id < versions.length; id++) if (random() < share) versions[id] = day;
}

async function open({ chunker = DEFAULT_CHUNKER, packBytes = 16 * MiB }: ChurnOptions) {
  const clock = new ManualClock(START);
  const store = new MemoryStore(clock);
  await initRepository(store, chunker);
  const repository = await openRepository(store, { clock, workers: 1, pool: new InlinePool(), packBytes });
  return { clock, store, repository };
}

function dataOf(versions: Uint16Array, rowOf: ChurnOptions['rowOf']): { readonly rows: string } {
  return { rows: Array.from(versions, (version, id) => rowOf(id, version)).join('') };
}

async function sizeOfPacks(store: MemoryStore): Promise<number> {
  let bytes = 0;
  for await (const { sizeBytes } of store.list('data/')) bytes += sizeBytes;
  return bytes;
}

function sum(packs: readonly { readonly bytes: number }[]): number {
  return packs.reduce((total, { bytes }) => total + bytes, 0);
}
