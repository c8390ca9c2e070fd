import { readFileSync } from 'node:fs';
import { describe, expect, onTestFinished, vi } from 'vitest';
import { DEFAULT_CHUNKER } from '../../../../shared/format/repository-file.ts';
import { testSource } from '../../../../shared/jobs/source/test-source.ts';
import { FIREBASE_CHECKS, openFirebaseChecks } from '../../../../shared/sources/firebase-rtdb/checks.ts';
import { scratchName } from '../../../../shared/sources/scratch.ts';
import { MemoryStore } from '../../../../shared/store/memory-store.ts';
import type { FirebaseServerOptions } from '../../../../tools/firebase-server/options.ts';
import { startFirebaseServer } from '../../../../tools/firebase-server/server.ts';
import { initRepository, never, openRepository } from '../../../support/repository/engine.ts';
import { turns } from '../../../support/repository/torture.ts';
import { backUpFirebase, exportedJson } from '../../../support/sources/firebase.ts';

const it = turns(3);

vi.setConfig({ testTimeout: 60_000 });

const DATA = {
  n: { a: { x: 1, '.priority': 2 }, b: { y: 2 }, c: 3 },
  large: Object.fromEntries(Array.from({ length: 100 }, (_, i) => [`k${i}`, 'x'.repeat(1000)])),
};
const NAMES = FIREBASE_CHECKS.map(({ name }) => name);
const WRITING = FIREBASE_CHECKS.filter(({ writes }) => writes).map(({ name }) => name);

async function begin(options: FirebaseServerOptions = {}, data: unknown = DATA) {
  const server = await startFirebaseServer(options);
  onTestFinished(() => server[Symbol.asyncDispose]());
  await server.set('/', data);
  const test = async (mayWrite = false, signal = never) => {
    const checks = openFirebaseChecks(server.url, { firstPauseMs: 1 }, {});
    const { checks: made, failure } = await testSource(checks, { mayWrite, signal });
    const of = (outcome: string) => made.filter((one) => one.outcome === outcome).map(({ name }) => name);
    return { made, failure, of };
  };
  const held = async () => (await fetch(`${server.url}/.json?format=export`)).json();
  return { server, test, held };
}

describe('the checks of a Firebase database', () => {
  it('all hold on a server that does as the source relies on, and leave nothing', async () => {
    const { test, held, server } = await begin({ exactIntegers: true });
    const { of, made, failure } = await test(true);
    expect(of('holds')).toEqual(NAMES);
    expect(made.map(({ name }) => name)).toEqual(NAMES);
    expect(failure).toBeUndefined();
    expect(await held()).toEqual(DATA);
    expect(server.stats.bytesSent).toBeLessThan(150_000);
  });

  it('write nothing, unless asked', async () => {
    const { test, held, server } = await begin();
    const { of, failure } = await test();
    expect(of('skipped')).toEqual(WRITING);
    expect(of('holds')).toEqual(NAMES.filter((name) => !WRITING.includes(name)));
    expect(failure).toBeUndefined();
    const { put, patch, delete: removed } = server.stats.byKind;
    expect([put, patch, removed]).toEqual([undefined, undefined, undefined]);
    expect(await held()).toEqual(DATA);
  });

  it.each<[FirebaseServerOptions, string[]]>([
    [{}, ['integers']],
    [{ shallowAlone: true }, ['shallow-parts', 'integers']],
    [{ shallowStartAfter: 'literal' }, ['integers']],
    [{ shallowStartAfter: 'quoted' }, ['integers']],
    [{ exportArrays: true }, ['integers', 'export-objects']],
    [{ etagOfSilent: 'none' }, ['etag-silent', 'integers']],
    [{ etagOfShallow: 'answer' }, ['etag-shallow', 'integers']],
    [{ etagCountsPriorities: false }, ['etag-priority', 'integers']],
    [{ etagOf: 'answer', etagWithoutBody: 'answer' }, ['etag-silent', 'etag-shallow', 'integers']],
    [{ etagOf: 'request', etagWithoutBody: 'request' }, ['integers']],
    [{ etagOf: 'none', etagWithoutBody: 'none' }, ['etag', 'etag-silent', 'etag-shallow', 'integers']],
    [{ pagedQueryLimitChildren: 1 }, ['pages', 'start-after', 'integers']],
  ])('say what differs with %j, which no backup needs', async (options, expected) => {
    const { test, held } = await begin(options);
    const { of, made, failure } = await test(true);
    expect(of('differs')).toEqual(expected);
    expect(failure).toBeUndefined();
    for (const { seen, follows } of made) expect([seen, follows]).not.toContain('');
    expect(await held()).toMatchObject(DATA);
  });

  it('fail where nothing may be read or written, by the reason', async () => {
    const closed = await begin({ tokens: ['other'] });
    const refused = await closed.test();
    expect(refused.failure).toBe('E_SOURCE_DENIED');
    expect(refused.of('differs')).toEqual(['reach']);
    expect(refused.of('holds')).toEqual([]);

    const { server, test, held } = await begin();
    server.fail({ kind: 'status', status: 401, text: 'Permission denied', match: /^PUT/, times: 99 });
    const { failure, of } = await test(true);
    expect(failure).toBe('E_SOURCE_DENIED');
    expect(of('differs')).toEqual(['write']);
    expect(of('skipped')).toEqual(WRITING.slice(1));
    expect(of('holds')).toContain('etag-silent');
    expect(await held()).toEqual(DATA);
  });

  it('call an empty database none to back up, and can write into it', async () => {
    const { test, held } = await begin({ exactIntegers: true }, null);
    expect((await test()).failure).toBe('E_EMPTY_READ');
    const { of, failure } = await test(true);
    expect([of('differs'), failure]).toEqual([['data'], 'E_EMPTY_READ']);
    expect(await held()).toBeNull();
  });

  it('say unknown where there is nothing to see it on', async () => {
    const { test } = await begin({}, { a: 1, b: 2 });
    const { of, failure } = await test();
    expect(of('unknown')).toEqual(expect.arrayContaining(['sample', 'pages', 'etag-silent']));
    expect(failure).toBeUndefined();
  });

  it('remove what they wrote when they are stopped, and what a killed one left a day ago', async () => {
    const { server, test, held } = await begin();
    const mark = { repository: '0'.repeat(32), run: 'ab'.repeat(16), at: new Date('2026-01-01T00:00:00Z') };
    const left = scratchName(mark);
    await server.set(`/${left}`, { some: 'rest' });
    const text = `Holdfast drill, removed when it ends: repository ${mark.repository}, run ${mark.run}`;
    await server.set(`/holdfast_drills/${left}`, { mark: text, at: mark.at.toISOString() });
    const stop = new AbortController();
    server.fail({
      kind: 'status',
      status: 500,
      match: {
        test: (label: string) => {
          if (label.startsWith('PATCH')) stop.abort();
          return false;
        },
      } as unknown as RegExp,
    });
    await expect(test(true, stop.signal)).rejects.toMatchObject({ code: 'E_ABORTED' });
    expect(await held()).toEqual(DATA);
  });

  it('fail where ETags stay whatever the data are, unless none are used', async () => {
    const { server, test } = await begin({ etagOf: 'place', etagWithoutBody: 'place' });
    const { of, failure } = await test(true);
    expect([of('differs'), failure]).toEqual([
      ['etag-content', 'etag-priority', 'integers'],
      'E_SOURCE_FAILED',
    ]);
    const off = openFirebaseChecks(server.url, { etags: 'off' }, {});
    expect((await testSource(off, { mayWrite: true, signal: never })).failure).toBeUndefined();
  });

  it('may find what etags: off answers: nothing rests on an ETag then, and everything is read', async () => {
    const { server } = await begin({ etagOf: 'place', etagWithoutBody: 'place' });
    const store = new MemoryStore();
    await initRepository(store, DEFAULT_CHUNKER);
    await using repository = await openRepository(store);
    const backUp = () => backUpFirebase(repository, server.url, { source: { etags: 'off' } });
    await backUp();
    await server.set('/n/a/x', 2);
    const asked = server.stats.byKind['silent'];
    const { key, cost } = await backUp();
    expect([asked, server.stats.byKind['silent'], cost?.skippedBytes]).toEqual([undefined, undefined, 0]);
    expect((await repository.readManifest(key, never)).consistency).toBe('per-subtree');
    expect(await exportedJson(repository)).toEqual(await server.get('/'));
    const bad = () => openFirebaseChecks(server.url, { etags: 'never' }, {});
    expect(bad).toThrow("etags is 'never'; allowed are auto and off");
  });

  it('are all in the documentation, with what is known of each', () => {
    const page = readFileSync('docs/reference/firebase.md', 'utf8');
    for (const name of NAMES) expect(page).toMatch(new RegExp(`^\\| \`${name}\` \\|`, 'm'));
  });
});
