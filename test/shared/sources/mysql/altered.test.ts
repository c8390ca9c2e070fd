import { afterAll, beforeAll, expect, it } from 'vitest';
import { openMysqlSource } from '../../../../shared/sources/mysql/source.ts';
import type { MariadbServer } from '../../../../tools/mariadb-server.ts';
import { readSource } from '../../../contract/reading.ts';
import { describeWithMysql, openTestServer } from '../../../support/mysql-server.ts';
import { openGate } from './gate.ts';

const START = 'START TRANSACTION WITH CONSISTENT SNAPSHOT';

describeWithMysql('tables that are altered while a backup begins', () => {
  let server: MariadbServer;
  beforeAll(async () => {
    server = await openTestServer();
  });
  afterAll(() => server?.stop());

  /** Reads a database of two tables; one is altered each time, or the first time, that something is said. */
  async function readWhileAltered(sql: string, { when, times }: { when: string; times: number }) {
    await server.query(undefined, 'DROP DATABASE IF EXISTS altered; CREATE DATABASE altered');
    await server.query(
      'altered',
      'CREATE TABLE a (id INT PRIMARY KEY); CREATE TABLE b (id INT PRIMARY KEY, x INT); INSERT INTO b VALUES (1, 2)',
    );
    let done = 0;
    await using gate = await openGate(server.port, async (said) => {
      if (said.includes(when) && done < times)
        await server.query('altered', sql.replace('#', String(++done)));
    });
    const url = server.url('altered').replace(`:${server.port}`, `:${gate.port}`);
    const reading = await readSource(openMysqlSource(`${url}?tls=disable`, { readers: 1 }, {}), {
      schema: true,
    });
    expect(done).toBe(times);
    return new Map(
      reading.datasets.map(({ name, partitions }) => [
        name,
        Buffer.concat([...partitions.values()]).toString(),
      ]),
    );
  }

  it('begin the backup again, which then has the tables as they are', async () => {
    const found = await readWhileAltered('ALTER TABLE b ADD COLUMN late INT DEFAULT 5', {
      when: START,
      times: 1,
    });
    expect(found.get('b')).toBe('1\t2\t5\n');
    expect(found.get('database schema')).toContain('`late`');
  });

  it('never leave definitions of one moment with rows of another', async () => {
    const found = await readWhileAltered('ALTER TABLE b ADD COLUMN late INT DEFAULT 5', {
      when: 'SHOW CREATE TABLE `b`',
      times: 1,
    });
    expect(found.get('b')).toBe('1\t2\t5\n');
    expect(found.get('database schema')).toContain('`late`');
  });

  it('are named if it does not end', async () => {
    await expect(
      readWhileAltered('ALTER TABLE b ADD COLUMN late# INT', { when: START, times: 1000 }),
    ).rejects.toMatchObject({
      code: 'E_SOURCE_CHANGED',
      message: 'tables were altered while the backup began: b',
      hint: 'Run it again when no migration is running.',
    });
  });

  it('are no failure if they come or go', async () => {
    const made = await readWhileAltered('CREATE TABLE c (id INT PRIMARY KEY)', { when: START, times: 1 });
    expect([...made.keys()]).toEqual(['database schema', 'a', 'b', 'c']);
    const dropped = await readWhileAltered('DROP TABLE b', { when: START, times: 1 });
    expect([...dropped.keys()]).toEqual(['database schema', 'a']);
  });
});
