import { describe, expect, it } from 'vitest';
import { HoldfastError } from '../../../../shared/core/errors.ts';
import { runBackup } from '../../../../shared/jobs/backup/backup.ts';
import { backupShare } from '../../../../shared/jobs/backup/backup-share.ts';
import type { Repository } from '../../../../shared/repository/repository.ts';
import type { Source } from '../../../../shared/sources/source.ts';
import { MemoryStore } from '../../../../shared/store/memory-store.ts';
import {
  digests,
  digestsOf,
  initRepository,
  memorySource,
  never,
  openCheaply,
} from '../../../support/repository/engine.ts';
import { commit, plan, sharedSource } from '../../../support/repository/shares.ts';

async function newRepository(): Promise<Repository> {
  const store = new MemoryStore();
  await initRepository(store);
  return openCheaply(store);
}

/** What it holds changes with each view, and under the first views, which say so when they are asked whether they stood. */
function changing(times: number): { readonly source: Source; readonly opened: () => number } {
  let opened = 0;
  const source: Source = {
    ...memorySource({}),
    open: async (...given) => {
      opened++;
      const isLost = opened <= times;
      const view = await memorySource(stateAt(opened)).open(...given);
      return {
        ...view,
        check: async () => {
          if (isLost) throw new HoldfastError('E_SOURCE_CHANGED', `t was dropped under view ${opened}`);
        },
      };
    },
  };
  return { source, opened: () => opened };
}

const stateAt = (view: number) => ({ t: `of view ${view}\n`, [`of-${view}`]: 'x\n' });

const WAYS = [
  [
    'by one process',
    (repository: Repository, source: Source, onProgress: (event: object) => void) =>
      runBackup(repository, source, { type: 'daily', onProgress, signal: never }),
  ],
  [
    'in the one share of a source whose view is not shared',
    async (repository: Repository, source: Source, onProgress: (event: object) => void) => {
      await using planned = await plan(repository, source);
      const { run } = planned;
      await backupShare(repository, source, { run, share: 0, onProgress, signal: never });
      return commit(repository, planned);
    },
  ],
] as const;

describe.each(WAYS)('a source that changes while it is backed up %s', (_, backUp) => {
  it('is read again from a new view, and nothing of the earlier views is in the backup', async () => {
    await using repository = await newRepository();
    const { source, opened } = changing(2);
    const told: object[] = [];
    const { key } = await backUp(repository, source, (event) => told.push(event));
    expect(opened()).toBe(3);
    expect(await digests(repository, key)).toEqual(digestsOf(stateAt(3)));
    expect(told.filter((event) => 'code' in event && event.code === 'changed')).toEqual([
      expect.objectContaining({ message: expect.stringMatching(/starts again: t was dropped under view 1/) }),
      expect.objectContaining({ message: expect.stringMatching(/starts again: t was dropped under view 2/) }),
    ]);
  });

  it('fails after the third view, and lists nothing', async () => {
    await using repository = await newRepository();
    const { source, opened } = changing(3);
    await expect(backUp(repository, source, () => {})).rejects.toMatchObject({ code: 'E_SOURCE_CHANGED' });
    expect(opened()).toBe(3);
    expect(await repository.backupKeys(never)).toEqual([]);
  });
});

it('a share of a view that others read too fails at once: only a new run has a new view', async () => {
  await using repository = await newRepository();
  const base = sharedSource({ t: ['a\n', 'b\n'] });
  let joined = 0;
  const source: Source = {
    ...base,
    sharing: {
      join: async (shared, signal) => {
        joined++;
        const view = await base.sharing!.join(shared, signal);
        const check = async () => {
          throw new HoldfastError('E_SOURCE_CHANGED', 'a type was dropped');
        };
        return { ...view, check };
      },
    },
  };
  await using planned = await plan(repository, source, { shareBytes: 1 });
  const of = { run: planned.run, share: 0, signal: never };
  await expect(backupShare(repository, source, of)).rejects.toMatchObject({ code: 'E_SOURCE_CHANGED' });
  expect(joined).toBe(1);
});
