import { describe, expect } from 'vitest';
import { KiB } from '../../../shared/core/units.ts';
import { MemoryStore } from '../../../shared/store/memory-store.ts';
import {
  backUp,
  type Data,
  initRepository,
  openCheaply,
  SMALL_CHUNKS,
} from '../../support/repository/engine.ts';
import { seededRandom, seededRows } from '../../support/repository/rows.ts';
import { sample, turns } from '../../support/repository/torture.ts';

const it = turns(2);

const PACK_BYTES = 64 * KiB;

async function stored(version: 1 | 2, data: Data): Promise<MemoryStore> {
  const store = new MemoryStore();
  await initRepository(store, SMALL_CHUNKS, { version });
  await using repository = await openCheaply(store, { packBytes: PACK_BYTES });
  await backUp(repository, data, { allowEmpty: true });
  return store;
}

async function objects(store: MemoryStore, prefix: string): Promise<Buffer[]> {
  const found: Buffer[] = [];
  for await (const { key } of store.list(prefix)) found.push(Buffer.from(await store.get(key)));
  return found;
}

/**
 * What who may read the whole store, and has no key, can tell of how large something is. Of chunks of data: how full
 * their pack is, which the last bytes of a pack of version 1 say. Of schema: where the catalog lies that comes after it.
 */
async function sizeSeen(store: MemoryStore, place: 't' | 'pre-data'): Promise<number> {
  const [manifest = Buffer.alloc(0)] = await objects(store, 'backups/');
  if (place === 'pre-data') return Number(/"offset":(\d+)/.exec(manifest.toString())?.[1]);
  const [pack = Buffer.alloc(0)] = (await objects(store, 'data/')).filter((bytes) => bytes[6] === 1);
  const directoryBytes = pack.readUInt32LE(pack.length - 4);
  return directoryBytes < pack.length ? pack.length - directoryBytes : pack.length;
}

const GUESSES = 6;
const TRIALS = 16;
const random = seededRandom(77);
const secret = () => Array.from({ length: 12 }, () => Math.floor(random() * 36).toString(36)).join('');

/** Data with a secret that the attacker does not know, beside a row in which he says what he guesses it to be. */
const trials = Array.from({ length: TRIALS }, (_, trial) => {
  const guesses = Array.from({ length: GUESSES }, secret);
  const right = guesses[trial % GUESSES] as string;
  const rows = seededRows(4, trial).join('');
  const withGuess = (guess: string) => `${rows}admin\tpassword=${right}\nmallory\tpassword=${guess}\n`;
  return { guesses, right, withGuess };
});

/** Share of the trials in which one guess alone makes the least of what is stored, and is the right one. */
async function foundOut(version: 1 | 2, place: 't' | 'pre-data', most: number): Promise<number> {
  let found = 0;
  for (const { guesses, right, withGuess } of trials.slice(0, most)) {
    const sizes: number[] = [];
    for (const guess of guesses) {
      const data = { 'pre-data': '', t: '', [place]: withGuess(guess) };
      sizes.push(await sizeSeen(await stored(version, data), place));
    }
    const least = Math.min(...sizes);
    if (sizes.filter((size) => size === least).length === 1 && guesses[sizes.indexOf(least)] === right)
      found++;
  }
  return found / most;
}

describe('who sees the store, and can have a row of his own beside a secret', () => {
  it.each(sample(['t', 'pre-data'] as const, 1))(
    'finds the secret in %s by what format 1 says',
    async (place) => {
      expect(await foundOut(1, place, 8)).toBeGreaterThan(0.7);
    },
  );

  it.each(sample(['t', 'pre-data'] as const, 1))(
    'guesses what is in %s as if blindly by format 2',
    async (place) => {
      // One in six is right by chance, and more than nine of sixteen once in 70,000 runs.
      expect(await foundOut(2, place, TRIALS)).toBeLessThan(0.6);
    },
  );
});

describe('packs of format 2', () => {
  it('are of the full size, or of few others', async () => {
    const store = await stored(2, { 'pre-data': 'x;\n', t: seededRows(4000, 1).join('') });
    const sizes = (await objects(store, 'data/')).map(({ length }) => length);
    expect(sizes.filter((size) => size === PACK_BYTES).length).toBeGreaterThan(2);
    for (const size of sizes) expect(size % 64).toBe(0);
  });
});
