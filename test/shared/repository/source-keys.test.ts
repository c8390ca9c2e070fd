import { describe, expect, it } from 'vitest';
import { HoldfastError } from '../../../shared/core/errors.ts';
import type { FormatVersion } from '../../../shared/core/format-version.ts';
import { runBackup } from '../../../shared/jobs/backup/backup.ts';
import { upgradeRepository } from '../../../shared/jobs/keys/upgrade.ts';
import { HexKeyProvider } from '../../../shared/keys/hex-key-provider.ts';
import type { KeyContext, WrappedKey } from '../../../shared/keys/key-provider.ts';
import type { Repository } from '../../../shared/repository/repository.ts';
import { MemoryStore } from '../../../shared/store/memory-store.ts';
import {
  type Data,
  digests,
  digestsOf,
  initRepository,
  memorySource,
  never,
  openCheaply,
  TEST_KEY,
} from '../../support/repository/engine.ts';
import { seededRows } from '../../support/repository/rows.ts';

/** The test's root key, for somebody whose role has to do with the records of some sources alone. */
class KeysOfRole extends HexKeyProvider {
  readonly asked: KeyContext[] = [];
  readonly #sources: readonly string[] | undefined;

  constructor(sources?: readonly string[]) {
    super(TEST_KEY);
    this.#sources = sources;
  }

  override wrapKey(plain: Uint8Array, context: KeyContext): Promise<WrappedKey> {
    this.#judge(context);
    return super.wrapKey(plain, context);
  }

  override async unwrapDataKey(wrapped: WrappedKey, context: KeyContext): Promise<Uint8Array> {
    this.#judge(context);
    return super.unwrapDataKey(wrapped, context);
  }

  /** As a policy with `StringEqualsIfExists` does. */
  #judge(context: KeyContext): void {
    this.asked.push(context);
    const { source } = context;
    if (source === undefined || !this.#sources || this.#sources.includes(source)) return;
    throw new HoldfastError('E_KEY_DENIED', `the role may not use keys of ${source}`);
  }
}

const rows = seededRows(300, 5);
const dataOf = (round: number): Data => ({
  t: rows.map((row, i) => (i % 40 === round ? row.replace('\t', '\tnew ') : row)).join(''),
});

async function newPlace(version: FormatVersion) {
  const store = new MemoryStore();
  await initRepository(store, undefined, { version });
  const open = (keys = new KeysOfRole()) => openCheaply(store, { keys });
  const backUp = (repository: Repository, source: string, round: number) =>
    runBackup(repository, memorySource(dataOf(round), { name: source }), {
      type: `round-${round}`,
      signal: never,
    });
  const keysOf = async (backup: string) => {
    const { keys } = JSON.parse(Buffer.from(await store.get(backup)).toString()) as {
      readonly keys: readonly { readonly purpose: string; readonly source?: string }[];
    };
    return keys;
  };
  return { store, open, backUp, keysOf };
}

describe('data keys of format 2', () => {
  it('are bound to the source whose records they seal, and no other key is', async () => {
    const { open, backUp, keysOf } = await newPlace(2);
    const keys = new KeysOfRole();
    await using repository = await open(keys);
    const made = [
      await backUp(repository, 'shop', 1),
      await backUp(repository, 'game', 1),
      await backUp(repository, 'shop', 2),
    ];
    for (const [i, source] of ['shop', 'game', 'shop'].entries()) {
      const found = await keysOf(made[i]?.key ?? '');
      expect(found.some(({ purpose }) => purpose === 'data')).toBe(true);
      for (const one of found) expect(one.source).toBe(one.purpose === 'data' ? source : undefined);
    }
    for (const { purpose, source } of keys.asked)
      expect(['shop', 'game'].includes(source ?? '')).toBe(purpose === 'data');
  });

  it('open the backups of one source for a role that may use its keys alone, and no others', async () => {
    const { open, backUp } = await newPlace(2);
    await using all = await open();
    const shop = await backUp(all, 'shop', 1);
    const game = await backUp(all, 'game', 1);
    await using ofShop = await open(new KeysOfRole(['shop']));
    const next = await backUp(ofShop, 'shop', 2);
    expect(next.parent).toBe(shop.key);
    expect(await digests(ofShop, next.key)).toEqual(digestsOf(dataOf(2)));
    await expect(digests(ofShop, game.key)).rejects.toMatchObject({ code: 'E_KEY_DENIED' });
    await expect(backUp(ofShop, 'game', 2)).rejects.toMatchObject({ code: 'E_KEY_DENIED' });
    expect(await digests(all, game.key)).toEqual(digestsOf(dataOf(1)));
  });

  it('open in their own context alone: a source that is another, or left out, opens nothing', async () => {
    const provider = new HexKeyProvider(TEST_KEY);
    const context = {
      repository: 'a'.repeat(32),
      run: 'b'.repeat(32),
      purpose: 'data',
      source: 'shop',
    } as const;
    const { plain, ...wrapped } = await provider.generateDataKey(context);
    expect(Buffer.from(await provider.unwrapDataKey(wrapped, context))).toEqual(Buffer.from(plain));
    const { source: _, ...without } = context;
    for (const other of [{ ...context, source: 'game' }, without])
      await expect(provider.unwrapDataKey(wrapped, other)).rejects.toMatchObject({ code: 'E_DAMAGED' });
  });
});

describe('data keys of format 1', () => {
  it('are bound to no source, and stay so in a backup of format 2 that refers to what they sealed', async () => {
    const { open, backUp, keysOf } = await newPlace(1);
    await using repository = await open();
    const first = await backUp(repository, 'shop', 1);
    for (const { source } of await keysOf(first.key)) expect(source).toBeUndefined();
    await upgradeRepository(repository, never);
    await using upgraded = await open(new KeysOfRole(['shop']));
    const second = await backUp(upgraded, 'shop', 2);
    expect(second.parent).toBe(first.key);
    const data = (await keysOf(second.key)).filter(({ purpose }) => purpose === 'data');
    expect(data.map(({ source }) => source).toSorted()).toEqual(['shop', undefined]);
    expect(await digests(upgraded, second.key)).toEqual(digestsOf(dataOf(2)));
  });
});
