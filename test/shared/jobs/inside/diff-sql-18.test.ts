import { afterAll, beforeAll, describe, expect } from 'vitest';
import type { BackupKey } from '../../../../shared/core/ids.ts';
import { diffVersions } from '../../../../shared/jobs/inside/diff.ts';
import { diffSql } from '../../../../shared/jobs/inside/diff-sql.ts';
import { backupVersion, openLive, type Version } from '../../../../shared/jobs/inside/version.ts';
import type { Repository } from '../../../../shared/repository/repository.ts';
import { openPostgresSource } from '../../../../shared/sources/postgres/source.ts';
import type { PostgresServer } from '../../../../tools/embedded-postgres.ts';
import { ownPostgres } from '../../../support/postgres.ts';
import { never } from '../../../support/repository/engine.ts';
import { seededRandom } from '../../../support/repository/rows.ts';
import { cases, testSeed, tortureTimeoutMs, turnOfAll } from '../../../support/repository/torture.ts';
import { backUpUrl, newRepository, psql } from '../../sources/postgres/target/round-trip.ts';
import { changeShop, differences, fillShop, keepTables, SHOP, TABLES } from './postgres-shop.ts';

const versions = cases(3, 4, 60);
const itInTurn = turnOfAll(2);
const datasets = [...Object.keys(TABLES), 'sequence values'];

describe('statements of a difference, run by psql and judged by EXCEPT ALL', () => {
  let server: PostgresServer;
  let repository: Repository;
  const keys: BackupKey[] = [];
  const tickets: string[] = [];
  const random = seededRandom(testSeed);
  const query = async (sql: string) => (await server.query('shop', sql)).rows;

  beforeAll(async () => {
    server = await ownPostgres(18);
    repository = await newRepository();
    await server.createDatabase('shop');
    await query(SHOP);
    await fillShop(query);
    for (let version = 0; version < versions; version++) {
      if (version > 0) await changeShop(query, (most) => Math.floor(random() * most));
      keys.push((await backUpUrl(repository, server.url('shop'))).key);
      await keepTables(server, 'shop', `kept_${version}`);
      tickets.push((await query('SELECT last_value FROM tickets'))[0]?.last_value);
    }
  }, tortureTimeoutMs);
  afterAll(async () => {
    await repository?.[Symbol.asyncDispose]();
    await server?.stop();
  });

  const backup = async (version: number) => backupVersion(await repository.openBackup(keys[version]!, never));
  const live = () => openLive(openPostgresSource(server.url('shop'), {}, {}), never);
  async function script(from: Version, to: Version): Promise<string> {
    return (await Array.fromAsync(diffSql(from, to, { datasets, signal: never }))).join('');
  }

  itInTurn(
    'turn any version into any other, either way',
    async () => {
      let now = versions - 1;
      for (const next of [...keys.keys(), ...[...keys.keys()].toReversed(), versions - 1]) {
        await psql(server.url('shop'), await script(await backup(now), await backup(next)));
        expect(await differences(server, 'shop', `kept_${next}`)).toEqual([]);
        expect((await query('SELECT last_value FROM tickets'))[0]?.last_value).toBe(tickets[next]);
        now = next;
      }
    },
    3600_000,
  );

  itInTurn(
    'turn the database as it is now into a backup, read as of one moment',
    async () => {
      await changeShop(query, (most) => Math.floor(random() * most));
      await using now = await live();
      const text = await script(now, await backup(0));
      await psql(server.url('shop'), text);
      expect(await differences(server, 'shop', 'kept_0')).toEqual([]);
      await using restored = await live();
      const left = await Array.fromAsync(
        diffVersions(restored, await backup(0), { datasets: Object.keys(TABLES), signal: never }),
        ({ changes }) => Array.fromAsync(changes()),
      );
      expect(left.flat()).toEqual([]);
      expect(text).not.toContain('shout');
    },
    600_000,
  );

  itInTurn(
    'between a backup and the database are what they are between two backups',
    async () => {
      await changeShop(query, (most) => Math.floor(random() * most));
      const { key } = await backUpUrl(repository, server.url('shop'));
      const after = backupVersion(await repository.openBackup(key, never));
      await using now = await live();
      const found = (to: Version) =>
        Array.fromAsync(
          // Of little memory: parts of the keys, one after the other.
          (async function* () {
            const of = { datasets: Object.keys(TABLES), mostHeldBytes: 5000, signal: never };
            for await (const { dataset, changes, ...rest } of diffVersions(await backup(1), to, of))
              yield { dataset, ...rest, rows: await Array.fromAsync(changes()) };
          })(),
        );
      const [stored, read] = [await found(after), await found(now)];
      expect(read.flatMap(({ rows }) => rows).length).toBeGreaterThan(20);
      expect(read).toEqual(stored);
    },
    600_000,
  );

  itInTurn('names what it leaves out, and changes nothing of it', async () => {
    await query(
      'CREATE TABLE fresh (id int PRIMARY KEY); INSERT INTO fresh VALUES (1); ALTER TABLE tree ADD more text',
    );
    await using now = await live();
    const leftOut: string[] = [];
    const onLeftOut = (what: string) => leftOut.push(what);
    const options = { onLeftOut, signal: never };
    const text = (await Array.fromAsync(diffSql(await backup(0), now, options))).join('');
    expect(leftOut).toEqual(
      expect.arrayContaining([
        'public.fresh exists only in the other one',
        'columns of public.tree that only one of the two has: more',
        expect.stringMatching(/^definitions differ: \d+ lines of pre-data$/),
      ]),
    );
    expect(text).toContain('-- left out: public.fresh exists only in the other one\n');
    expect(text).not.toContain('INSERT INTO "public"."fresh"');
  });
});
