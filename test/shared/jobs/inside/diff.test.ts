import { describe, expect, it } from 'vitest';
import { diffBackups } from '../../../../shared/jobs/inside/diff.ts';
import type { RowChange } from '../../../../shared/jobs/inside/row-changes.ts';
import { MemoryStore } from '../../../../shared/store/memory-store.ts';
import {
  backUp,
  type Data,
  initRepository,
  never,
  openRepository,
  SMALL_CHUNKS,
} from '../../../support/repository/engine.ts';
import { seededRandom, seededRows } from '../../../support/repository/rows.ts';

class CountingStore extends MemoryStore {
  readBytes = 0;

  override async get(...asked: Parameters<MemoryStore['get']>): Promise<Uint8Array> {
    const body = await super.get(...asked);
    this.readBytes += body.length;
    return body;
  }
}

/** What differs between two states of one source, by dataset, and how many bytes of packs that took. */
async function differences(before: Data, after: Data, options: { mostHeldBytes?: number } = {}) {
  const store = new CountingStore();
  await initRepository(store, SMALL_CHUNKS);
  await using repository = await openRepository(store);
  const [one, other] = [await backUp(repository, before), await backUp(repository, after)];
  const [a, b] = [await repository.openBackup(one.key, never), await repository.openBackup(other.key, never)];
  const readBefore = store.readBytes;
  const found: Record<string, RowChange[]> = {};
  for await (const { dataset, changes } of diffBackups(a, b, { ...options, signal: never }))
    found[dataset] = await Array.fromAsync(changes());
  return { found, readBytes: store.readBytes - readBefore };
}

/** Lines that are more often in one text than in the other: by counting all, and in no way like what is tested. */
function moreIn(text: string, other: string): string[] {
  const left = other.split('\n');
  return text.split('\n').filter((line) => {
    const at = left.indexOf(line);
    if (at >= 0) left.splice(at, 1);
    return at < 0;
  });
}

function expectRight(changes: readonly RowChange[] | undefined, before: string, after: string): void {
  const rows = (change: string) =>
    changes?.flatMap((one) => (one.change === change ? ((one.before ?? one.after)?.[0] ?? []) : []));
  expect(rows('removed')?.toSorted()).toEqual(moreIn(before, after).toSorted());
  expect(rows('added')?.toSorted()).toEqual(moreIn(after, before).toSorted());
  expect(rows('changed')).toEqual([]);
}

/** Some lines taken out, changed, doubled, moved, put in. */
function changed(lines: readonly string[], seed: number, share: number): string {
  const random = seededRandom(seed);
  const result = lines.flatMap((line) => {
    if (random() >= share) return [line];
    const [drop, change, double, more] = [[], [`${seed}${line}`], [line, line], [line, `new ${line}`]];
    return [drop, change, double, more][Math.floor(random() * 4)] ?? [];
  });
  return [...result.slice(result.length / 3), ...result.slice(0, result.length / 3)].join('');
}

describe('a difference of two backups', () => {
  it.each([0, 0.01, 0.3, 1])('is what a count of all lines says, with %d of them changed', async (share) => {
    const lines = seededRows(1500, 1);
    const before = { t: lines.join(''), same: 'a\nb\n', gone: 'x\ny\n' };
    const after = { t: changed(lines, 2, share), same: 'a\nb\n', fresh: 'z\n\nz\n' };
    const { found } = await differences(before, after);
    expect(Object.keys(found)).toEqual(['t', 'same', 'fresh', 'gone']);
    expectRight(found['t'], before.t, after.t);
    expect(found['same']).toEqual([]);
    expect(found['gone']).toMatchObject([{ change: 'removed' }, { change: 'removed' }]);
    expect(found['fresh']).toMatchObject([{ after: [''] }, { after: ['z'] }, { after: ['z'] }]);
  });

  it('is the same if little may be held: it is found in parts', async () => {
    const [before, after] = [seededRows(900, 3).join(''), seededRows(900, 4).join('')];
    const { found } = await differences({ t: before }, { t: after }, { mostHeldBytes: 20_000 });
    expectRight(found['t'], before, after);
  });

  it('is found in records that are larger than a chunk', async () => {
    const large = (seed: number) => `${seededRows(700, seed).join('').replaceAll('\n', ' ')}\n`;
    const small = seededRows(50, 5).join('');
    const before = large(6) + small + large(7) + large(8);
    const after = large(6) + small + large(9) + large(8);
    expectRight((await differences({ t: before }, { t: after })).found['t'], before, after);
  });

  it('has rows as often as they are more often in one, by whole chunks too', async () => {
    const some = seededRows(600, 11).join('');
    const before = some + some + some;
    expectRight((await differences({ t: before }, { t: some })).found['t'], before, some);
    expectRight((await differences({ t: some }, { t: before })).found['t'], some, before);
  });

  it('reads little if little differs, and nothing if nothing does', async () => {
    const lines = seededRows(6000, 10);
    const before = lines.join('');
    const after = lines.with(2500, 'another\n').join('');
    expect((await differences({ t: before }, { t: before })).readBytes).toBe(0);
    const { found, readBytes } = await differences({ t: before }, { t: after });
    expectRight(found['t'], before, after);
    expect(readBytes).toBeGreaterThan(0);
    expect(readBytes).toBeLessThan(before.length / 8);
  });
});
