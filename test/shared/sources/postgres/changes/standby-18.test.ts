import { execFile } from 'node:child_process';
import { rm, writeFile } from 'node:fs/promises';
import path from 'node:path';
import { setTimeout as delay } from 'node:timers/promises';
import { promisify } from 'node:util';
import pg from 'pg';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { openPostgresSource } from '../../../../../shared/sources/postgres/source.ts';
import type { PostgresServer } from '../../../../../tools/embedded-postgres.ts';
import { ownPostgres } from '../../../../support/postgres.ts';
import { never } from '../source/reading.ts';
import { continuousDatabase, openChanges, openSetup, STREAMING } from './world.ts';

const run = promisify(execFile);

/** A server that follows another, as `pg_basebackup -R` makes it, which the npm package lacks. */
async function standbyOf(primary: PostgresServer): Promise<PostgresServer> {
  const { host, port, user, password } = primary;
  const prepare = async (data: string) => {
    const client = new pg.Client(primary.url());
    await client.connect();
    await client.query("select pg_backup_start('standby', true)");
    await rm(data, { recursive: true });
    await run('cp', ['-a', primary.dataFolder, data]);
    const { rows } = await client.query('select labelfile from pg_backup_stop(false)');
    await client.end();
    const files = { backup_label: rows[0].labelfile, 'standby.signal': '' };
    for (const [name, text] of Object.entries(files)) {
      await writeFile(path.join(data, name), text);
      await run('chown', [`--reference=${primary.dataFolder}`, path.join(data, name)]);
    }
    await rm(path.join(data, 'postmaster.pid'));
  };
  const primary_conninfo = `'host=${host} port=${port} user=${user} password=${password}'`;
  return ownPostgres(18, { settings: { ...STREAMING, primary_conninfo, hot_standby: 'on' }, prepare });
}

describe('continuous backup of a standby', () => {
  let primary: PostgresServer;
  let standby: PostgresServer;
  beforeAll(async () => {
    primary = await ownPostgres(18, { settings: STREAMING });
    standby = await standbyOf(primary);
  });
  afterAll(async () => {
    await standby?.stop();
    await primary?.stop();
  });

  /** A database whose primary is set up, and one whose is not; the standby has both. */
  async function databases(name: string) {
    const shop = await continuousDatabase(primary, name, 'create table t (id int primary key)');
    await primary.createDatabase(`${name}_bare`);
    await primary.query(`${name}_bare`, 'create table t (id int primary key)');
    const { rows } = await primary.query('postgres', 'select pg_current_wal_flush_lsn() as lsn');
    for (let isThere = false; !isThere; await delay(20)) {
      const seen = await standby.query(
        'postgres',
        `select pg_last_wal_replay_lsn() >= '${rows[0].lsn}' as done`,
      );
      isThere = seen.rows[0].done;
    }
    return { shop, urls: [name, `${name}_bare`].map((one) => standby.url(one)) };
  }

  it('is refused by the set-up and found by doctor, whether or not the primary is set up', async () => {
    const { urls } = await databases('refused');
    for (const url of urls) {
      const setup = openSetup(url);
      const { refusals } = await setup.plan({}, never);
      expect(refusals, url).toContain('The server is a standby: set up the primary.');
      await expect(setup.setUp({}, never), url).rejects.toMatchObject({
        code: 'E_CHANGES_UNSAFE',
        message: expect.stringContaining('The server is a standby: set up the primary.'),
      });
      const checks = await Array.fromAsync(setup.check(never));
      const wrong = checks.filter(({ outcome }) => outcome === 'differs');
      expect(wrong, url).toMatchObject([
        { name: 'primary', seen: 'it is a standby', fix: expect.stringContaining('URL') },
      ]);
    }
  });

  it('is refused by polls, which take it for no gap: the changes of the primary stay whole', async () => {
    const { shop, urls } = await databases('polled');
    for (const url of urls) {
      const changes = openChanges(url);
      const refused = {
        code: 'E_SOURCE_UNSUPPORTED',
        message: expect.stringContaining('is a standby; changes are read from the primary'),
      };
      await expect(changes.begins(never), url).rejects.toMatchObject(refused);
      await expect(shop.poll(changes, { signal: never }), url).rejects.toMatchObject(refused);
    }
    await primary.query('polled', 'insert into t values (1)');
    expect(await shop.store()).toMatchObject({ transactions: 1, gaps: [] });
  });

  it('gives backups that no changes are applied to, and says so', async () => {
    const { urls } = await databases('base');
    const warnings: string[] = [];
    const onWarning = (text: string) => void warnings.push(text);
    for (const url of urls) {
      await using view = await openPostgresSource(url, {}, {}).open(never, { isBase: true, onWarning });
      expect(view.join).toBeUndefined();
    }
    const said = 'The server is a standby: backups for continuous backup must be read from the primary.';
    expect(warnings).toEqual([said, said]);
  });
});
