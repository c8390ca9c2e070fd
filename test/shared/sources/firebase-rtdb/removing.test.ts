import { describe, expect, onTestFinished, vi } from 'vitest';
import { HoldfastError } from '../../../../shared/core/errors.ts';
import type { ProgressEvent } from '../../../../shared/core/progress.ts';
import { KiB } from '../../../../shared/core/units.ts';
import { DEFAULT_CHUNKER } from '../../../../shared/format/repository-file.ts';
import { restoreBackup } from '../../../../shared/jobs/restore/restore.ts';
import { FirebaseConnection } from '../../../../shared/sources/firebase-rtdb/connection/connection.ts';
import {
  connectionOptions,
  parseFirebaseOptions,
} from '../../../../shared/sources/firebase-rtdb/connection/options.ts';
import { NodeRemover } from '../../../../shared/sources/firebase-rtdb/restore/node-remover.ts';
import { MemoryStore } from '../../../../shared/store/memory-store.ts';
import type { FirebaseServerOptions } from '../../../../tools/firebase-server/options.ts';
import { startFirebaseServer } from '../../../../tools/firebase-server/server.ts';
import { initRepository, never, openRepository } from '../../../support/repository/engine.ts';
import { turns } from '../../../support/repository/torture.ts';
import { backUpFirebase, firebaseTarget, newChildren } from '../../../support/sources/firebase.ts';

const it = turns(2);

vi.setConfig({ testTimeout: 120_000 });

/** A server that takes so few bytes a second that what is held is more than one removal may take. */
const SLOW: FirebaseServerOptions = { estimatedWriteBytesPerSecond: 20 * KiB };
const HELD = {
  n: {
    many: Object.fromEntries(
      Array.from({ length: 2000 }, (_, i) => [`k${i}`, { at: i, text: 'x'.repeat(40) }]),
    ),
    large: { ...newChildren(20, 8 * KiB, 1), '.priority': 3 },
    text: 'x'.repeat(100 * KiB),
    weighted: { '.value': 'y'.repeat(30 * KiB), '.priority': 1 },
    '.priority': 7,
  },
  other: 1,
};

async function begin(options: FirebaseServerOptions = {}) {
  const server = await startFirebaseServer(options);
  const connection = new FirebaseConnection({
    ...connectionOptions(parseFirebaseOptions(server.url, {}, {}), {}),
    timeoutMs: 150,
    firstPauseMs: 1,
  });
  onTestFinished(async () => {
    await connection[Symbol.asyncDispose]();
    await server[Symbol.asyncDispose]();
  });
  await server.set('/', HELD);
  const asked: string[] = [];
  const deaf = { is: false };
  server.fail({
    kind: 'no-answer',
    times: 1e9,
    match: { test: (label: string) => asked.push(label) > 0 && deaf.is } as unknown as RegExp,
  });
  const remover = (onRemoved: (nodes: number) => void = () => {}) =>
    new NodeRemover({ connection, onRemoved, signal: never });
  const sent = (method: string) => asked.filter((label) => label.startsWith(method));
  return { server, remover, asked, sent, deaf };
}

describe('a removal', () => {
  it('goes by size, divides what is refused, and says how far it is', async () => {
    const { server, remover, asked, sent } = await begin(SLOW);
    let removed = 0;
    await remover((nodes) => {
      expect(nodes).toBeGreaterThan(0);
      removed += nodes;
    }).remove(['n']);
    expect(await server.get('/')).toEqual({ other: 1 });
    expect(removed).toBeGreaterThan(2000);
    // Values alone take what they take: they cannot be divided.
    const unlimited = asked.filter((label) => label.includes('writeSizeLimit=unlimited'));
    expect(unlimited.map((label) => label.split('.json')[0])).toEqual([
      'DELETE /n/text',
      'DELETE /n/weighted',
    ]);
    for (const label of [...sent('DELETE'), ...sent('PATCH')])
      expect(label).toContain('print=silent&disableTriggers=true');
    expect(asked.length).toBeLessThan(200);
  });

  it('that got no answer is looked after, never sent again as it was', async () => {
    const { server, remover, sent, deaf } = await begin();
    deaf.is = true;
    const removing = remover().remove(['n']);
    await expect.poll(() => sent('DELETE').length).toBe(1);
    deaf.is = false;
    await removing;
    expect(await server.get('/')).toEqual({ other: 1 });
    expect(sent('DELETE')).toHaveLength(1);
  });

  it('of which nothing was done goes on with the children', async () => {
    const { server, remover, sent } = await begin();
    const silence = new HoldfastError('E_SOURCE_LOST', 'no answer for 60 s');
    const lost = vi.spyOn(FirebaseConnection.prototype, 'ask').mockRejectedValueOnce(silence);
    onTestFinished(() => void lost.mockRestore());
    await remover().remove(['n']);
    expect(await server.get('/')).toEqual({ other: 1 });
    expect([sent('DELETE').length, sent('PATCH').length]).toEqual([0, 1]);
  });

  it('gives up where no removal gets an answer', async () => {
    const { remover, sent } = await begin();
    const ask = FirebaseConnection.prototype.ask;
    const lost = vi.spyOn(FirebaseConnection.prototype, 'ask');
    lost.mockImplementation(function (this: FirebaseConnection, given, ...rest) {
      if (given.method === 'GET') return ask.call(this, given, ...rest) as never;
      return Promise.reject(new HoldfastError('E_SOURCE_LOST', 'no answer for 60 s'));
    });
    onTestFinished(() => void lost.mockRestore());
    await expect(remover().remove(['n'])).rejects.toMatchObject({ code: 'E_SOURCE_LOST' });
    const removals = lost.mock.calls.filter(([{ method }]) => method !== 'GET');
    expect(removals).toHaveLength(6);
    const parts = removals.map(([{ path, body }]) => `${path.join('/')} ${body}`);
    expect(new Set(parts).size, 'no removal is sent twice').toBe(6);
    expect(sent('GET').length).toBeGreaterThan(0);
  });

  it('that was stopped is gone on with', async () => {
    const { server, remover } = await begin(SLOW);
    const stop = () => {
      throw new Error('stopped here');
    };
    await expect(remover(stop).remove(['n'])).rejects.toThrow('stopped here');
    const left = await server.get('/n');
    expect(left).not.toEqual(HELD.n);
    expect(left).not.toBeNull();
    await remover().remove(['n']);
    expect(await server.get('/')).toEqual({ other: 1 });
  });
});

describe('a restore with --replace', () => {
  it('removes by size first, in a phase of its own, and writes then', async () => {
    const from = await startFirebaseServer();
    const to = await startFirebaseServer({ estimatedWriteBytesPerSecond: 20 * KiB });
    const store = new MemoryStore();
    await initRepository(store, DEFAULT_CHUNKER);
    const repository = await openRepository(store);
    onTestFinished(async () => {
      for (const one of [from, to, repository]) await one[Symbol.asyncDispose]();
    });
    await from.set('/', { n: { a: 1 } });
    await to.set('/', HELD);
    const { key } = await backUpFirebase(repository, from.url);
    const events: ProgressEvent[] = [];
    const asked: string[] = [];
    to.fail({
      kind: 'status',
      times: 1e9,
      match: { test: (label: string) => asked.push(label) < 0 } as unknown as RegExp,
    });
    await restoreBackup(repository, key, firebaseTarget(to.url), {
      replace: true,
      onProgress: (event) => events.push(event),
      signal: never,
    });
    expect(await (await fetch(`${to.url}/.json`)).json()).toEqual({ n: { a: 1 } });
    const phases = events.flatMap((event) => (event.kind === 'phase' ? [event.phase] : []));
    expect(phases).toEqual(['plan', 'write', 'clear', 'write', 'compare']);
    const totals = events.flatMap((event) => (event.kind === 'removed' ? [event.nodes] : []));
    expect(totals).toEqual(totals.toSorted((a, b) => a - b));
    expect(totals.at(-1)).toBeGreaterThan(2000);
    const first = asked.find((label) => label.startsWith('DELETE'));
    expect(first).toContain('writeSizeLimit=tiny');
  });
});
