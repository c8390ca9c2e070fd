import { mkdtemp, rm } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import path from 'node:path';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { type BackupKey, parseBackupKey } from '../../shared/core/ids.ts';
import { restoreBackup } from '../../shared/jobs/restore/restore.ts';
import { openTarget } from '../../shared/jobs/source/adapters.ts';
import { readOverview } from '../../shared/jobs/status/status.ts';
import { readRunFacts } from '../../shared/jobs/verdict/run-facts.ts';
import type { Repository } from '../../shared/repository/repository.ts';
import { FolderStore } from '../../shared/store/folder-store.ts';
import type { PostgresServer } from '../../tools/embedded-postgres.ts';
import { makeDemoWorld } from '../support/console/demo-world.ts';
import { ownPostgres } from '../support/postgres.ts';
import { never, openCheaply } from '../support/repository/engine.ts';
import { isFull } from '../support/repository/torture.ts';

const NOW = new Date('2026-11-28T09:00:00Z');
const KEEP = { daily: 30, weekly: 200, manual: 400 };
const FOREIGN_KEYS = `select conname, conrelid::regclass::text child, confrelid::regclass::text parent,
  convalidated, pg_get_constraintdef(oid) def from pg_constraint where contype = 'f' order by conname`;

describe.runIf(isFull)('the generated year', () => {
  let folder: string;
  let server: PostgresServer;
  let repository: Repository;
  let keys: readonly BackupKey[];

  beforeAll(async () => {
    folder = await mkdtemp(path.join(tmpdir(), 'holdfast-demo-'));
    server = await ownPostgres(18);
    keys = await makeDemoWorld(folder, server, { dailyDays: 40, now: NOW, retention: KEEP, isPruned: true });
    repository = await openCheaply(new FolderStore(path.join(folder, 'backups')), {
      clock: { now: () => NOW },
    });
  }, 240_000);
  afterAll(async () => {
    await repository?.[Symbol.asyncDispose]();
    await server?.stop();
    await rm(folder, { recursive: true, force: true });
  });

  /** Rows whose parent is not there, by what the server says of its own foreign keys. */
  const orphans = async (database: string) => {
    const { rows } = await server.query(database, FOREIGN_KEYS);
    const found: string[] = [];
    for (const { child, parent, def } of rows) {
      const [, column, key = 'id'] = /FOREIGN KEY \((\w+)\) REFERENCES \w+\((\w+)\)/.exec(def) ?? [];
      const lost = `select 1 from ${child} c where not exists (select 1 from ${parent} p where p.${key} = c.${column})`;
      if ((await server.query(database, lost)).rowCount) found.push(`${child}.${column}`);
    }
    return { found, keys: rows.map(({ conname, convalidated }) => [conname, convalidated]) };
  };
  const counts = async (database: string, at: Date) => {
    const then = `'${at.toISOString()}'`;
    const { rows } = await server.query(
      database,
      `select (select count(*) from customers where joined <= ${then})::int c,
         (select count(*) from orders where placed <= ${then})::int o,
         (select count(*) from order_lines join orders on id = order_id where placed <= ${then})::int l,
         (select count(*) from visits where at <= ${then})::int v, (select count(*) from products)::int p`,
    );
    return rows[0];
  };

  it.each(['first', 'middle', 'newest'])(
    'restores its %s backup into a server that finds every foreign key kept, with the rows of that day',
    async (which) => {
      const listed = (await repository.backupKeys(never)).toReversed();
      const at = which === 'first' ? 0 : which === 'newest' ? listed.length - 1 : listed.length >> 1;
      const key = listed[at] as BackupKey;
      const target = await openTarget(
        { kind: 'postgres', url: await server.createDatabase(which), options: {} },
        {},
      );
      await restoreBackup(repository, key, target, { signal: never });
      const wanted = (await orphans('shop')).keys;
      expect(wanted).toHaveLength(3);
      expect(await orphans(which)).toEqual({ found: [], keys: wanted });
      const then = new Date(parseBackupKey(key)?.startedAt.getTime() ?? 0);
      const night = new Date(then.getTime() - (then.getTime() % 86_400_000) + 2 * 3_600_000);
      const all = new Date('2100-01-01');
      expect(await counts(which, all)).toEqual(await counts('shop', night));
      expect((await counts(which, all)).o).toBeGreaterThan(10);
    },
  );

  it('has all that happens in a year: retention, failures, a suspect, a hold, verifications, drills', async () => {
    const { status, backups } = await readOverview(repository, never);
    const [shop] = status.sources;
    expect(shop).toMatchObject({ source: { name: 'shop' }, waiting: [], failed: [] });
    expect(shop?.held).toHaveLength(1);
    expect(shop?.lastDrill).toMatchObject({ outcome: 'equal' });
    expect(shop?.lastFullVerify).toBeDefined();
    expect(backups.filter(({ suspect }) => suspect.length > 0)).toHaveLength(1);
    expect(backups.length).toBeLessThan(keys.length);
    const { failed } = await readRunFacts(repository, never);
    expect(failed).toHaveLength(1);
  });
});
