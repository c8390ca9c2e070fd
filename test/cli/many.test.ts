import path from 'node:path';
import { expect } from 'vitest';
import { FolderStore } from '../../shared/store/folder-store.ts';
import { runCommand } from '../support/command-line.ts';
import { backUp, initRepository, openCheaply, TEST_KEY } from '../support/repository/engine.ts';
import { forge } from '../support/repository/forge.ts';
import { isFull, turnOfAll } from '../support/repository/torture.ts';
import { newFolder } from '../support/temporary.ts';

const it = turnOfAll(3);

/** More than a call takes arguments. */
const MANY = isFull ? 300_001 : 150_001;

it('shows a backup of very many datasets', async () => {
  const cwd = await newFolder();
  const store = new FolderStore(path.join(cwd, 'repository'));
  await initRepository(store);
  await using repository = await openCheaply(store);
  const { key } = await backUp(repository, { t: 'a\n' });
  const more = Array.from({ length: MANY - 1 }, (_, i) => ({
    name: `t${i}`,
    kind: 'data' as const,
    attributes: {},
    partitions: [],
  }));
  await forge(repository, key, 't', {
    catalog: (catalog) => ({ ...catalog, datasets: [...catalog.datasets, ...more] }),
  });
  const env = { BACKUP_ENCRYPTION_KEY: TEST_KEY, HOLDFAST_REPOSITORY: 'repository' };
  const shown = await runCommand('show latest', { cwd, env });
  expect(shown).toMatchObject({ status: 0, stderr: '' });
  expect(shown.stdout).toContain(`t${MANY - 2} `);
});
