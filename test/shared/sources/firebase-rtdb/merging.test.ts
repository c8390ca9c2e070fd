import { describe, expect, onTestFinished, vi } from 'vitest';
import { DEFAULT_CHUNKER } from '../../../../shared/format/repository-file.ts';
import { MemoryStore } from '../../../../shared/store/memory-store.ts';
import type { FirebaseServerOptions } from '../../../../tools/firebase-server/options.ts';
import { startFirebaseServer } from '../../../../tools/firebase-server/server.ts';
import { initRepository, openRepository } from '../../../support/repository/engine.ts';
import { turns } from '../../../support/repository/torture.ts';
import { backUpFirebase, restoreFirebase } from '../../../support/sources/firebase.ts';

const it = turns(3);

vi.setConfig({ testTimeout: 120_000 });

async function begin(data: unknown, held: unknown, options: FirebaseServerOptions = {}) {
  const from = await startFirebaseServer();
  const to = await startFirebaseServer(options);
  const store = new MemoryStore();
  await initRepository(store, DEFAULT_CHUNKER);
  const repository = await openRepository(store);
  onTestFinished(async () => {
    for (const one of [from, to, repository]) await one[Symbol.asyncDispose]();
  });
  await from.set('/', data);
  await to.set('/', held);
  await backUpFirebase(repository, from.url);
  /** All that the target holds, by a reader that shares nothing with the source. */
  const held_ = async () => (await fetch(`${to.url}/.json?format=export`)).json() as Promise<unknown>;
  const restore = (given: Parameters<typeof restoreFirebase>[2] = {}) =>
    restoreFirebase(repository, to.url, given);
  return { to, held: held_, restore };
}

/** 20 B and 140 KB, 5 MB and 3,000 children: each size class is read, stored and written in another way. */
const SIZES: readonly (readonly [string, Record<string, unknown>])[] = [
  ['19 B', {}],
  ['140 KB in one text', { text: 'x'.repeat(140_000) }],
  ['140 KB of texts', Object.fromEntries(Array.from({ length: 20 }, (_, i) => [`t${i}`, 'x'.repeat(7000)]))],
  ['5 MB of texts', Object.fromEntries(Array.from({ length: 10 }, (_, i) => [`t${i}`, 'x'.repeat(500_000)]))],
  ['3,000 children', Object.fromEntries(Array.from({ length: 3000 }, (_, i) => [`n${i}`, { a: i }]))],
];

describe('a merge', () => {
  it.each(SIZES)('keeps what the backup lacks at every depth: %s', async (_, more) => {
    const alice = { name: 'Alice', bag: { a: 1, ...more }, ...more };
    const { held, restore } = await begin(
      { characters: { alice } },
      { characters: { alice: { name: 'Old', newField: 1, bag: { b: 2 } }, bob: 3 }, other: true },
    );
    const { comparison } = await restore({ merge: true });
    expect(comparison.map(({ equal }) => equal)).toEqual([true]);
    expect(await held()).toEqual({
      characters: { alice: { ...alice, newField: 1, bag: { ...alice.bag, b: 2 } }, bob: 3 },
      other: true,
    });
  });

  it('lets the backup’s values and priorities win, and keeps a priority that the backup lacks', async () => {
    const { held, restore } = await begin(
      {
        n: {
          toChildren: { a: 1 },
          toValue: 'now a text',
          list: ['a', 'b'],
          weighted: { '.value': 1, '.priority': 2 },
          node: { x: 1, '.priority': 3 },
          bare: { x: 1 },
          bareValue: 5,
        },
      },
      {
        n: {
          toChildren: 'was a text',
          toValue: { b: 2 },
          list: ['old', 'old', 'third'],
          weighted: 7,
          node: { y: 2, '.priority': 1 },
          bare: { y: 2, '.priority': 9 },
          bareValue: { '.value': 4, '.priority': 8 },
        },
      },
    );
    const { comparison } = await restore({ merge: true });
    expect(comparison.map(({ equal }) => equal)).toEqual([true]);
    expect(await held()).toEqual({
      n: {
        toChildren: { a: 1 },
        toValue: 'now a text',
        list: { 0: 'a', 1: 'b', 2: 'third' },
        weighted: { '.value': 1, '.priority': 2 },
        node: { x: 1, y: 2, '.priority': 3 },
        bare: { x: 1, y: 2, '.priority': 9 },
        bareValue: 5,
      },
    });
  });

  it('means the same for a path, at another place, and where exports are arrays', async () => {
    const { held, restore } = await begin(
      { lists: { one: ['a', 'b', { c: 1 }] } },
      { copies: ['old', { x: 1 }, { d: 2 }, 'kept'] },
      { exportArrays: true },
    );
    const { comparison } = await restore({ merge: true, path: '/lists/one', toPath: '/copies' });
    expect(comparison.map(({ equal }) => equal)).toEqual([true]);
    expect(await held()).toEqual({ copies: ['a', 'b', { c: 1, d: 2 }, 'kept'] });
  });

  it('can be done again and resumed, and writes only what differs then', async () => {
    const { to, held, restore } = await begin({ n: { a: { x: 1, y: 2 } } }, { n: { a: { z: 3 } } });
    await restore({ merge: true });
    await restore({ merge: true });
    expect(await held()).toEqual({ n: { a: { x: 1, y: 2, z: 3 } } });
    const patched = to.stats.byKind['patch'];
    await restore({ merge: true, resume: true });
    expect(to.stats.byKind['patch']).toBe(patched);
    await to.set('/n/a/y', 9);
    await restore({ merge: true, resume: true });
    expect(await held()).toEqual({ n: { a: { x: 1, y: 2, z: 3 } } });
  });

  it('notices a value that did not get there, though the target holds much more', async () => {
    const { to, restore } = await begin({ n: { a: { x: 1, y: 2 }, b: 1 } }, { n: { a: { z: 3 }, c: 4 } });
    to.fail({ kind: 'status', status: 204, match: /^PATCH/ });
    await expect(restore({ merge: true })).rejects.toMatchObject({
      code: 'E_RESTORE_DIFFERS',
      message: expect.stringMatching(/n \(3 records missing, 0 unexpected\)/),
    });
  });
});

describe('a restore that goes on', () => {
  it.each(SIZES)('refuses what the backup lacks at every depth: %s', async (_, more) => {
    const alice = { name: 'Alice', ...more };
    const { held, restore } = await begin(
      { characters: { alice, bob: 1 } },
      { characters: { alice: { ...alice, newField: 1 } } },
    );
    const before = await held();
    await expect(restore({ resume: true })).rejects.toMatchObject({
      code: 'E_TARGET_NOT_EMPTY',
      message: expect.stringContaining('/characters/alice/newField'),
    });
    await restore({ resume: true, merge: true });
    expect(await held()).toEqual({
      characters: { ...(before as { characters: object }).characters, bob: 1 },
    });
  });

  it('refuses children where the backup has a value, and a value where it has children', async () => {
    const { to, restore } = await begin({ n: { value: 'text', node: { a: 1 } } }, { n: { value: { b: 1 } } });
    await expect(restore({ resume: true })).rejects.toMatchObject({
      code: 'E_TARGET_NOT_EMPTY',
      message: expect.stringContaining('/n/value/b'),
    });
    await to.set('/n', { node: 'text' });
    await expect(restore({ resume: true })).rejects.toMatchObject({
      code: 'E_TARGET_NOT_EMPTY',
      message: expect.stringContaining('/n/node'),
    });
  });
});
