import path from 'node:path';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import type { PostgresServer } from '../../tools/embedded-postgres.ts';
import { runCommand } from '../support/command-line.ts';
import { ownPostgres } from '../support/postgres.ts';
import { TEST_KEY } from '../support/repository/engine.ts';
import { newFolder } from '../support/temporary.ts';

describe('holdfast restore --compare none', () => {
  let server: PostgresServer;
  beforeAll(async () => {
    server = await ownPostgres(18);
    await server.createDatabase('shop');
    await server.query('shop', 'CREATE TABLE t (id int PRIMARY KEY); INSERT INTO t VALUES (1), (2), (3)');
  });
  afterAll(() => server?.stop());

  it('restores all rows, reads none of them back, and says so even when quiet', async () => {
    const cwd = await newFolder();
    const env = {
      HOLDFAST_REPOSITORY: path.join(cwd, 'repository'),
      BACKUP_ENCRYPTION_KEY: TEST_KEY,
      SHOP: server.url('shop'),
      COPY: await server.createDatabase('copy'),
    };
    const holdfast = (line: string) => runCommand(line, { env, cwd });
    await holdfast('init');
    await holdfast('backup --source env:SHOP');
    const plan = await holdfast('restore latest --to env:COPY --compare none --dry-run');
    expect(plan.stdout).not.toContain('compare it');

    const restored = await holdfast('restore latest --to env:COPY --compare none --profile --json --quiet');
    const { isCompared, comparison, records, profile } = restored.json();
    expect({ status: restored.status, isCompared, comparison }).toEqual({
      status: 0,
      isCompared: false,
      comparison: [],
    });
    expect(restored.stderr).toContain('was not compared with the backup');
    expect(profile.phases.map(({ phase }: { phase: string }) => phase)).not.toContain('compare');
    expect((await server.query('copy', 'SELECT * FROM t ORDER BY id')).rows).toHaveLength(3);
    expect(records).toBeGreaterThanOrEqual(3);

    const again = 'restore latest --to env:COPY --replace --yes';
    expect((await holdfast(`${again} --compare none`)).stdout).toContain('NOT compared with the backup');
    expect((await holdfast(again)).stdout).toMatch(/compared with the backup, all equal/);
  });
});
