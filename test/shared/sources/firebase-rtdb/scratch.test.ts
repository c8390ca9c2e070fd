import { describe, expect, onTestFinished, vi } from 'vitest';
import type { ProgressEvent } from '../../../../shared/core/progress.ts';
import { KiB } from '../../../../shared/core/units.ts';
import { DEFAULT_CHUNKER } from '../../../../shared/format/repository-file.ts';
import { type DrillOptions, runDrill } from '../../../../shared/jobs/drill/drill.ts';
import { contentsOf } from '../../../../shared/jobs/restore/contents.ts';
import { openScratch } from '../../../../shared/jobs/source/adapters.ts';
import { markText, type ScratchMark, scratchName } from '../../../../shared/sources/scratch.ts';
import { MemoryStore } from '../../../../shared/store/memory-store.ts';
import { startFirebaseServer } from '../../../../tools/firebase-server/server.ts';
import { initRepository, never, openRepository } from '../../../support/repository/engine.ts';
import { turns } from '../../../support/repository/torture.ts';
import { backUpFirebase, newChildren, oddData } from '../../../support/sources/firebase.ts';

const it = turns(3);

// Two servers, a repository and worker threads: a busy machine takes its time.
vi.setConfig({ testTimeout: 120_000 });

const data = {
  characters: { alice: { name: 'Alice', '.priority': 2 }, bob: { name: 'Bob' }, '.priority': 9 },
  world: { map: newChildren(20, 8 * KiB, 1) },
  version: 3,
  '.priority': 'of the root',
};
const HELD = { live: { carol: { name: 'Carol' } }, holdfast_drill_notes: 'mine' };
const DAY_AGO = new Date(Date.now() - 25 * 3600_000);
const RUN = 'ab'.repeat(16);

async function begin({ source = data as unknown, held = HELD as unknown } = {}) {
  const from = await startFirebaseServer();
  const to = await startFirebaseServer();
  const store = new MemoryStore();
  await initRepository(store, DEFAULT_CHUNKER);
  const repository = await openRepository(store);
  onTestFinished(async () => {
    for (const one of [from, to, repository]) await one[Symbol.asyncDispose]();
  });
  await from.set('/', source);
  await to.set('/', held);
  const { key } = await backUpFirebase(repository, from.url);
  const serverAt = (url: string) =>
    openScratch({ kind: 'firebase-rtdb', url, options: { firstPauseMs: 1 } }, {});
  const drill = async (options: Partial<DrillOptions> = {}, url = to.url) => {
    const events: ProgressEvent[] = [];
    const onProgress = (event: ProgressEvent) => {
      events.push(event);
      options.onProgress?.(event);
    };
    const result = await runDrill(repository, key, await serverAt(url), {
      signal: never,
      ...options,
      onProgress,
    });
    const warnings = events.flatMap((event) => (event.kind === 'warning' ? [event.message] : []));
    return { ...result, warnings };
  };
  const make = async (mark: ScratchMark) => {
    const reader = await repository.openBackup(key, never);
    const server = await serverAt(to.url);
    return server.make(contentsOf(reader), mark, { onWarning: () => {}, signal: never });
  };
  return { from, to, repository, key, drill, make };
}

/** Names of the drills' own nodes that are there. */
async function drillNodes(server: { get(path: string): Promise<unknown> }): Promise<string[]> {
  const all = (await server.get('/')) as Record<string, unknown> | null;
  return Object.keys(all ?? {}).filter((name) => /^holdfast_drill(s$|_\d)/.test(name));
}

describe('a drill of Firebase', () => {
  it('restores below a node of its own, compares all, removes it, keeps the evidence', async () => {
    const { to, repository, key, drill } = await begin();
    const seen: string[][] = [];
    const watch = (event: ProgressEvent) => {
      if (event.kind === 'phase' && event.phase === 'compare')
        void drillNodes(to).then((it) => seen.push(it));
    };
    const result = await drill({ onProgress: watch });
    expect(result).toMatchObject({
      outcome: 'equal',
      server: 'Firebase Realtime Database',
      target: expect.stringMatching(`^${to.url}/holdfast_drill_\\d{8}t\\d{6}_[0-9a-f]{8}$`),
      schema: { outcome: 'none' },
      leftOut: [expect.stringContaining('security rules')],
      warnings: [],
      removal: undefined,
      error: undefined,
    });
    expect(result.comparison.map(({ dataset }) => dataset).sort()).toEqual([
      '.priority',
      'characters',
      'version',
      'world',
    ]);
    expect(seen).toEqual([[expect.stringMatching(/^holdfast_drill_/), 'holdfast_drills']]);
    expect(await to.get('/')).toEqual(HELD);
    const marks = await repository.marks(never);
    expect(marks.of(key).drill).toMatchObject({ outcome: 'equal', schema: 'none', differentDatasets: 0 });
  });

  it.each([
    ['data of every kind', { ...oddData(), deep: undefined }],
    ['a single value', 'all there is'],
  ])('works for %s, in an empty database', async (_, source) => {
    const { to, drill } = await begin({ source: JSON.parse(JSON.stringify(source)), held: null });
    expect(await drill()).toMatchObject({ outcome: 'equal' });
    expect(await to.get('/')).toBeNull();
  });

  it('finds what is different, and removes its node all the same', async () => {
    const { to, drill } = await begin();
    let tampered: Promise<unknown> = Promise.resolve();
    const tamper = (event: ProgressEvent) => {
      if (event.kind !== 'phase' || event.phase !== 'compare') return;
      tampered = drillNodes(to).then(([node]) => to.set(`/${node}/characters/bob/name`, 'Rob'));
    };
    const result = await drill({ onProgress: tamper });
    await tampered;
    expect(result).toMatchObject({ outcome: 'different', removal: undefined });
    expect(result.comparison.filter(({ equal }) => !equal)).toMatchObject([{ dataset: 'characters' }]);
    expect(await to.get('/')).toEqual(HELD);
  });

  it('fails where a write is refused, and removes what was written', async () => {
    const { to, drill } = await begin();
    to.fail({ kind: 'status', status: 403, times: 100, match: /^PATCH .*world/ });
    expect(await drill()).toMatchObject({ outcome: 'failed', removal: undefined, error: expect.anything() });
    expect(await to.get('/')).toEqual(HELD);
  });

  it('removes its node when it is stopped, and says how to where it cannot', async () => {
    const { to, drill } = await begin();
    const stop = new AbortController();
    const onProgress = (event: ProgressEvent) => {
      if (event.kind === 'phase' && event.phase === 'compare') stop.abort();
    };
    await expect(drill({ onProgress, signal: stop.signal })).rejects.toMatchObject({ code: 'E_ABORTED' });
    expect(await to.get('/')).toEqual(HELD);
    to.fail({ kind: 'status', status: 403, times: 100, match: /^DELETE / });
    const left = await drill();
    expect(left.removal).toContain(`curl -X DELETE`);
    expect(left.removal).toContain(`${left.target}.json`);
    expect(left.warnings.join()).toContain('could not be removed');
    expect(await drillNodes(to)).toHaveLength(2);
  });

  it('keeps its node on request, without a mark', async () => {
    const { from, to, drill } = await begin();
    const { target, removal } = await drill({ keep: true });
    expect(removal).toContain(`${target}.json`);
    const node = target!.slice(to.url.length);
    expect(await to.get('/')).toEqual({ ...HELD, [node.slice(1)]: await from.get('/') });
  });

  it('warns where the source lives in the same database', async () => {
    const { from, drill } = await begin();
    const { outcome, warnings } = await drill({}, `${from.url}/drills`);
    expect({ outcome, warnings }).toEqual({
      outcome: 'equal',
      warnings: [expect.stringContaining('in the source database itself')],
    });
    expect(await from.get('/')).toEqual(data);
  });

  it('fails, and says why, where the backup is as deep as a database can be', async () => {
    const { to, drill } = await begin({ source: { deep: oddData()['deep'] } });
    expect(await drill()).toMatchObject({
      outcome: 'failed',
      error: {
        code: 'E_SOURCE_UNSUPPORTED',
        message: expect.stringMatching(/adds one level: .*would have 33 levels; a database has 32 at most/),
        hint: expect.stringContaining('at the root only'),
      },
    });
    expect(await to.get('/')).toEqual(HELD);
  });

  it('overwrites no value on the way to its node', async () => {
    for (const [held, place] of [
      ['just a text', ''],
      [{ drills: 7 }, '/drills/here'],
      [{ holdfast_drills: 'a note' }, ''],
    ] as const) {
      const { to, drill } = await begin({ held });
      const result = await drill({}, to.url + place);
      expect(result).toMatchObject({ outcome: 'failed', error: { code: 'E_TARGET_NOT_EMPTY' } });
      expect(await to.get('/')).toEqual(held);
    }
  });

  it('never takes a node that is there', async () => {
    const { to, repository, make } = await begin();
    const mark = { repository: repository.id, run: RUN, at: new Date() };
    const held = { ...HELD, [scratchName(mark)]: { mine: true } };
    await to.set('/', held);
    await expect(make(mark)).rejects.toMatchObject({ code: 'E_TARGET_NOT_EMPTY' });
    expect(await to.get('/')).toEqual(held);
  });
});

describe('what killed drills left in Firebase', () => {
  it('is removed after a day; what is of others, newer or not marked is not', async () => {
    const { to, repository, drill } = await begin();
    const old = { repository: repository.id, run: RUN, at: DAY_AGO };
    const foreign = { repository: 'cd'.repeat(16), run: '12'.repeat(16), at: DAY_AGO };
    const recent = { repository: repository.id, run: '34'.repeat(16), at: new Date(Date.now() - 3600_000) };
    const unmarked = { repository: repository.id, run: '56'.repeat(16), at: DAY_AGO };
    const misnamed = { repository: repository.id, run: '78'.repeat(16), at: DAY_AGO };
    const markOf = (mark: ScratchMark) => ({ mark: markText(mark), at: mark.at.toISOString() });
    const kept = {
      ...HELD,
      ...Object.fromEntries([foreign, recent, unmarked].map((mark) => [scratchName(mark), { some: 'data' }])),
      holdfast_drills: {
        [scratchName(foreign)]: markOf(foreign),
        [scratchName(recent)]: markOf(recent),
        [scratchName(unmarked)]: { mark: 'mine', at: DAY_AGO.toISOString() },
        live: markOf(misnamed),
      },
    };
    await to.set('/', kept);
    await to.set(`/${scratchName(old)}`, { left: { over: 1 } });
    await to.set(`/holdfast_drills/${scratchName(old)}`, markOf(old));
    const { outcome, warnings } = await drill();
    expect({ outcome, warnings }).toEqual({
      outcome: 'equal',
      warnings: [expect.stringContaining(`removed /${scratchName(old)}`)],
    });
    expect(await to.get('/')).toEqual(kept);
  });
});
