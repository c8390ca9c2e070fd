import { rm, writeFile } from 'node:fs/promises';
import path from 'node:path';
import { DAY_MS } from '../../../shared/core/units.ts';
import { DEFAULT_CHUNKER } from '../../../shared/format/repository-file.ts';
import { runBackup } from '../../../shared/jobs/backup/backup.ts';
import { openSource } from '../../../shared/jobs/source/open-source.ts';
import { MemoryStore } from '../../../shared/store/memory-store.ts';
import { type CommandWorld, runCommand } from '../command-line.ts';
import { initRepository, never, openCheaply, TEST_KEY } from '../repository/engine.ts';
import { ManualClock } from '../repository/pruning.ts';
import { saveTo } from './save-store.ts';

/** How old the one backup is. */
export const AGE_DAYS = 203;

/**
 * The worst that was called well: a schedule for every week, three sources, two of them never backed up, a backup of 203
 * days of the third, which a release of before called by its location, verified and drilled yesterday, and a last run that failed.
 */
export async function makeStaleScene(folder: string): Promise<CommandWorld> {
  const shop = path.join(folder, 'shop.txt');
  await writeFile(shop, 'one order\n');
  const now = new Date();
  const clock = new ManualClock(new Date(now.getTime() - (AGE_DAYS + 0.5) * DAY_MS).toISOString());
  const store = new MemoryStore(clock);
  await initRepository(store, DEFAULT_CHUNKER);
  const repository = await openCheaply(store, { clock });
  const source = await openSource({ kind: 'files', url: shop, options: {} }, {});
  const { key } = await runBackup(repository, source, { type: 'weekly', signal: never });
  clock.set(new Date(now.getTime() - DAY_MS));
  const full = { depth: { kind: 'full' }, damaged: [], damagedPacks: [], findings: 0 };
  await repository.reports.write('verify', { backups: [key], body: full }, never);
  const drill = { outcome: 'equal', restoreMs: 1000, records: 1 };
  await repository.reports.write('drill', { backups: [key], body: drill }, never);
  await repository[Symbol.asyncDispose]();
  await saveTo(path.join(folder, 'backups'), store);
  const place = (name: string) => ({ kind: 'files', url: `./${name}.txt` });
  const config = {
    repository: './backups',
    sources: { shop: place('shop'), game: place('game'), crm: place('crm') },
    schedules: { weekly: '0 3 * * 0', daily: 'off' },
  };
  await writeFile(path.join(folder, 'holdfast.config.json'), JSON.stringify(config));
  const world = { env: { BACKUP_ENCRYPTION_KEY: TEST_KEY }, cwd: folder };
  // The last run: what is to be backed up is gone.
  await rm(shop);
  const { status } = await runCommand('backup weekly --source shop -q', world);
  if (status === 0) throw new Error('the last run should have failed');
  return world;
}
