import { expect, it } from 'vitest';
import type { BackupKey } from '../../../../shared/core/ids.ts';
import { chooseBackup } from '../../../../shared/jobs/restore/choose-backup.ts';
import { listBackups } from '../../../../shared/jobs/status/list.ts';
import { readStatus } from '../../../../shared/jobs/status/status.ts';
import { MemoryStore } from '../../../../shared/store/memory-store.ts';
import { backUp, initRepository, never, openRepository } from '../../../support/repository/engine.ts';

/** Removes a backup just when it is asked for, as a prune beside the reader may. */
class Vanishing extends MemoryStore {
  vanishes: string | undefined;

  override async get(...args: Parameters<MemoryStore['get']>) {
    if (args[0] === this.vanishes) await this.delete(args[0]);
    return super.get(...args);
  }
}

async function withTwo() {
  const store = new Vanishing();
  await initRepository(store);
  const repository = await openRepository(store);
  const keys: BackupKey[] = [];
  for (const type of ['first', 'second'])
    keys.push((await backUp(repository, { rows: `of ${type}\n` }, { type })).key);
  store.vanishes = keys[1];
  return { repository, first: keys[0] };
}

it.each([
  ['list', async (repository) => (await listBackups(repository, { signal: never })).map(({ key }) => key)],
  ['status', async (repository) => (await readStatus(repository, never)).newest.map(({ key }) => key)],
  ['choice of a backup', async (repository) => [await chooseBackup(repository, 'good', { signal: never })]],
] satisfies [string, (repository: Awaited<ReturnType<typeof openRepository>>) => Promise<BackupKey[]>][])(
  'a %s does not fail over a backup that is removed meanwhile',
  async (_, read) => {
    const { repository, first } = await withTwo();
    await using _closing = repository;
    expect(await read(repository)).toEqual([first]);
  },
);
