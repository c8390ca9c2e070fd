import { execFile } from 'node:child_process';
import path from 'node:path';
import { setTimeout as delay } from 'node:timers/promises';
import { promisify } from 'node:util';
import { afterAll, beforeAll, expect } from 'vitest';
import { HOUR_MS } from '../../../../shared/core/units.ts';
import type { BackupResult } from '../../../../shared/jobs/backup/backup.ts';
import { backupShare } from '../../../../shared/jobs/backup/backup-share.ts';
import { commitBackup } from '../../../../shared/jobs/backup/commit-backup.ts';
import { keepSnapshotOpen, type Release } from '../../../../shared/jobs/backup/keep-snapshot-open.ts';
import { type BackupPlan, planBackup } from '../../../../shared/jobs/backup/plan-backup.ts';
import { restoreBackup } from '../../../../shared/jobs/restore/restore.ts';
import { openTarget } from '../../../../shared/jobs/source/adapters.ts';
import type { Repository } from '../../../../shared/repository/repository.ts';
import { openMysqlSource } from '../../../../shared/sources/mysql/source.ts';
import { FolderStore } from '../../../../shared/store/folder-store.ts';
import type { MariadbServer } from '../../../../tools/mariadb-server.ts';
import { describeWithMysql, isThere, openTestServer } from '../../../support/mysql-server.ts';
import { initRepository, never, openRepository, TEST_KEY } from '../../../support/repository/engine.ts';
import { newRun } from '../../../support/repository/shares.ts';
import { itInFull, turns } from '../../../support/repository/torture.ts';
import { newFolder } from '../../../support/temporary.ts';
import { ACCOUNTS, makeAccounts, moveMoney, totalOf } from '../../sources/mysql/money.ts';

const it = turns(2);
const run = promisify(execFile);
const READS = 'SELECT, SHOW VIEW, TRIGGER, EVENT, EXECUTE';
const READERS = 2;
/** About 300 transactions a second, on a machine that has time for them and for what reads. */
const PACE = { pauseMs: 10, connections: 8 };

/** What a user may do, and how its processes come to one moment then. */
const WAYS = [
  {
    way: 'the binary log',
    rights: READS,
    global: 'REPLICATION CLIENT',
    says: /binlog.*several processes that began at this place/,
  },
  {
    way: 'FLUSH TABLES',
    rights: READS,
    global: 'RELOAD',
    says: /several processes that began under FLUSH TABLES/,
  },
  {
    way: 'LOCK TABLES, as on RDS',
    rights: `${READS}, LOCK TABLES`,
    global: 'USAGE',
    says: /several processes that began under LOCK TABLES/,
  },
] as const;

let server: MariadbServer;
beforeAll(async () => {
  if (isThere) server = await openTestServer();
});
afterAll(() => server?.stop());

/** A new one in a folder, which other processes can open too. */
async function newRepository(): Promise<{ readonly folder: string; readonly repository: Repository }> {
  const folder = path.join(await newFolder(), 'repository');
  const store = new FolderStore(folder);
  await initRepository(store);
  return { folder, repository: await openRepository(store, { packBytes: undefined }) };
}

const namesOf = (count: number) => Array.from({ length: count }, (_, i) => `branch_${i}`);

async function userWith({
  rights,
  global,
}: {
  readonly rights: string;
  readonly global: string;
}): Promise<string> {
  const { host, port } = server;
  await server.query(
    undefined,
    `DROP USER IF EXISTS clerk@'%'; CREATE USER clerk@'%' IDENTIFIED BY 'horse'; GRANT ${global} ON *.* TO clerk@'%'; GRANT ${rights} ON bank.* TO clerk@'%'`,
  );
  return `mysql://clerk:horse@${host}:${port}/bank`;
}

const sourceOf = (url: string) => openMysqlSource(url, { readers: READERS }, {});

const planOf = (repository: Repository, url: string, shareBytes = 1) =>
  planBackup(repository, sourceOf(url), {
    run: newRun(),
    type: 'daily',
    shareBytes,
    noParent: true,
    signal: never,
  });

const hold = (repository: Repository, planned: BackupPlan, gatherMs = 60_000): Promise<Release> =>
  keepSnapshotOpen(repository, planned, {
    until: new Date(repository.clock.now().getTime() + HOUR_MS),
    pollMs: 20,
    gatherMs,
    signal: never,
  });

const readHere = (repository: Repository, url: string, { run: id, shares }: BackupPlan) =>
  Promise.all(
    shares.map(({ share }) => backupShare(repository, sourceOf(url), { run: id, share, signal: never })),
  );

const readInProcesses = (folder: string, url: string, planned: BackupPlan) =>
  Promise.all(
    planned.shares.map(({ share }) => {
      const env = {
        SHARE_REPOSITORY: folder,
        SHARE_KEY: TEST_KEY,
        SHARE_KIND: 'mysql',
        SHARE_SOURCE: url,
        SHARE_RUN: planned.run,
        SHARE_NUMBER: String(share),
      };
      return run(process.execPath, ['test/support/repository/share-process.ts'], { env });
    }),
  );

const commit = (repository: Repository, { run: id }: BackupPlan) =>
  commitBackup(repository, { run: id, signal: never });

const positionOf = async (repository: Repository, { key }: BackupResult) =>
  (await repository.openBackup(key, never)).catalog.position;

/** As a client that shares no code with Holdfast adds it up in the restored database. */
async function moneyIn(
  repository: Repository,
  { key }: BackupResult,
  tables: readonly string[],
): Promise<number> {
  await server.query(undefined, 'DROP DATABASE IF EXISTS vault; CREATE DATABASE vault');
  const target = await openTarget({ kind: 'mysql', url: server.url('vault'), options: {} }, {});
  await restoreBackup(repository, key, target, { signal: never });
  const all = tables.map((name) => `SELECT amount FROM ${name}`).join(' UNION ALL ');
  const [row] = await server.query('vault', `SELECT SUM(amount) AS sum FROM (${all}) AS a`);
  return Number(row?.['sum']);
}

describeWithMysql('a MySQL database in shares', () => {
  it.each(WAYS)('begins at one moment by $way while money moves', async ({ says, ...rights }) => {
    const { repository } = await newRepository();
    const tables = namesOf(4);
    await makeAccounts(server, 'bank', tables);
    const url = await userWith(rights);
    await using moving = await moveMoney(server, 'bank', { tables, ...PACE });
    await using planned = await planOf(repository, url);
    expect(planned.shares.length).toBe(tables.length);
    const before = moving.moved();
    const [released] = await Promise.all([hold(repository, planned), readHere(repository, url, planned)]);
    expect(released).toBe('gathered');
    expect(moving.moved()).toBeGreaterThan(before);
    const made = await commit(repository, planned);
    expect(await positionOf(repository, made)).toMatch(says);
    expect(await moneyIn(repository, made, tables)).toBe(totalOf(tables));
  });

  itInFull.each(WAYS)('begins in eight processes by $way while money moves', async ({ says, ...rights }) => {
    const { repository, folder } = await newRepository();
    const tables = namesOf(8);
    await makeAccounts(server, 'bank', tables);
    const url = await userWith(rights);
    await using moving = await moveMoney(server, 'bank', { tables, ...PACE });
    await using planned = await planOf(repository, url);
    expect(planned.shares.length).toBe(tables.length);
    const before = moving.moved();
    await Promise.all([hold(repository, planned), readInProcesses(folder, url, planned)]);
    expect(moving.moved()).toBeGreaterThan(before);
    const made = await commit(repository, planned);
    expect(await positionOf(repository, made)).toMatch(says);
    expect(await moneyIn(repository, made, tables)).toBe(totalOf(tables));
  });

  it('is read by its first share alone if not all are there in time', async () => {
    const { repository } = await newRepository();
    const tables = namesOf(3);
    await makeAccounts(server, 'bank', tables);
    const url = await userWith(WAYS[0]);
    await using moving = await moveMoney(server, 'bank', { tables, ...PACE });
    await using planned = await planOf(repository, url);
    const [late, ...there] = planned.shares;
    const some = { ...planned, shares: there };
    const reading = readHere(repository, url, some);
    // Its end is what lets them go.
    await hold(repository, planned, 1_000);
    await planned[Symbol.asyncDispose]();
    expect((await reading).map(({ records }) => records)).toEqual(there.map(() => 0));
    await readHere(repository, url, { ...planned, shares: late ? [late] : [] });
    const made = await commit(repository, planned);
    expect(moving.moved()).toBeGreaterThan(0);
    expect(made.records).toBe(tables.length * ACCOUNTS);
    expect(await positionOf(repository, made)).toMatch(
      /by one process: not all of 3 shares were there within 1 s/,
    );
    expect(await moneyIn(repository, made, tables)).toBe(totalOf(tables));
  });

  it('is planned as one share if nothing could bring several processes to one moment', async () => {
    const { repository } = await newRepository();
    await makeAccounts(server, 'bank', namesOf(3));
    const url = await userWith({ rights: READS, global: 'USAGE' });
    await using planned = await planOf(repository, url);
    expect(planned).toMatchObject({ mustBeHeld: false, shares: [{ share: 0 }] });
    await readHere(repository, url, planned);
    const made = await commit(repository, planned);
    expect(await positionOf(repository, made)).toMatch(/read by one session/);
  });

  it('is not joined by a share that comes when the others have begun', async () => {
    await makeAccounts(server, 'bank', namesOf(2));
    const url = await userWith(WAYS[0]);
    const view = await sourceOf(url).open(never, { isForOthers: true });
    const { handle = {}, mostShares, gather: _, ...rest } = view;
    expect(mostShares).toBeGreaterThan(1);
    const { server: product, position, omitted, datasets, consistency = 'atomic' } = rest;
    const told = { server: product, position, omitted, datasets, consistency, handle };
    const [first] = await Promise.all([
      sourceOf(url).join(told, never, 0),
      view.gather?.(1, { waitMs: 60_000, signal: never }),
    ]);
    await first[Symbol.asyncDispose]();
    await view[Symbol.asyncDispose]();
    await expect(sourceOf(url).join(told, never, 1)).rejects.toMatchObject({
      code: 'E_SOURCE_LOST',
      message: expect.stringMatching(/is not there any more, or is connected to another server/),
    });
  });

  it('is given up if a share goes while the others begin', async () => {
    const { repository } = await newRepository();
    await makeAccounts(server, 'bank', namesOf(2));
    const url = await userWith(WAYS[0]);
    await using planned = await planOf(repository, url);
    const stop = new AbortController();
    const first = backupShare(repository, sourceOf(url), { run: planned.run, share: 0, signal: stop.signal });
    const holding = hold(repository, planned, 2_000);
    await delay(100);
    stop.abort();
    await expect(first).rejects.toMatchObject({ code: 'E_ABORTED' });
    await holding;
    await expect(commit(repository, planned)).rejects.toMatchObject({ code: 'E_RUN_INCOMPLETE' });
  });
});
