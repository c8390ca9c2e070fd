import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { diffSql } from '../../../../shared/jobs/inside/diff-sql.ts';
import { planRows, restoreRows } from '../../../../shared/jobs/inside/restore-rows.ts';
import type { RestoreRowsOptions } from '../../../../shared/jobs/inside/rows-plan.ts';
import { backupVersion, openLive } from '../../../../shared/jobs/inside/version.ts';
import { openSource } from '../../../../shared/jobs/source/open-source.ts';
import type { Repository } from '../../../../shared/repository/repository.ts';
import type { PostgresServer } from '../../../../tools/embedded-postgres.ts';
import { ownPostgres } from '../../../support/postgres.ts';
import { never } from '../../../support/repository/engine.ts';
import { backUpUrl, newRepository, psql } from '../../sources/postgres/target/round-trip.ts';
import { rowsOf, type Scene } from './mending.ts';
import { differences, keepTables } from './postgres-shop.ts';

/** Tables in parts, keys that refer to them, indexes of expressions, keys that are looked at late, circles. */
const SHAPES = `
  CREATE TABLE event (day date, id int, v text, PRIMARY KEY (day, id)) PARTITION BY RANGE (day);
  CREATE TABLE event_2025 PARTITION OF event FOR VALUES FROM ('2025-01-01') TO ('2026-01-01');
  CREATE TABLE event_2026 PARTITION OF event FOR VALUES FROM ('2026-01-01') TO ('2027-01-01');
  CREATE TABLE visit (id int PRIMARY KEY, day date, event int, FOREIGN KEY (day, event) REFERENCES event);
  CREATE TABLE person (id int PRIMARY KEY, name text, gone boolean DEFAULT false);
  CREATE UNIQUE INDEX one_of_a_name ON person (lower(name)) WHERE NOT gone;
  CREATE TABLE hen (id int PRIMARY KEY, egg int);
  CREATE TABLE egg (id int PRIMARY KEY, hen int REFERENCES hen);
  ALTER TABLE hen ADD FOREIGN KEY (egg) REFERENCES egg;
  CREATE TABLE base (id int PRIMARY KEY, v text);
  CREATE TABLE child (more text) INHERITS (base);
  ALTER TABLE child ADD PRIMARY KEY (id);
  INSERT INTO event VALUES ('2025-05-05', 1, 'a'), ('2026-05-05', 2, 'b');
  INSERT INTO visit VALUES (1, '2025-05-05', 1), (2, '2026-05-05', 2), (3, NULL, NULL);
  INSERT INTO person VALUES (1, 'Ada', false), (2, 'BO', false), (3, 'bo', true);
  INSERT INTO hen VALUES (1, NULL), (2, NULL); INSERT INTO egg VALUES (1, 1), (2, 2); UPDATE hen SET egg = id;
  INSERT INTO base VALUES (1, 'x'); INSERT INTO child VALUES (2, 'y', 'z')`;
const TABLES = ['event', 'visit', 'person', 'hen', 'egg', 'base', 'child'];

describe('rows of tables of other shapes', () => {
  let server: PostgresServer;
  let repository: Repository;
  let scene: Pick<Scene, 'key' | 'place'>;
  const query = async (sql: string) => (await server.query('shapes', sql)).rows;
  const same = () => differences(server, 'shapes', 'kept', TABLES);
  const options = (choices: RestoreRowsOptions['choices']) =>
    ({ choices, onConflict: 'replace', signal: never }) as const;
  const plan = (...choices: RestoreRowsOptions['choices']) =>
    planRows(repository, scene.key, scene.place, options(choices));
  const restore = (...choices: RestoreRowsOptions['choices']) =>
    restoreRows(repository, scene.key, scene.place, options(choices));

  beforeAll(async () => {
    server = await ownPostgres(18);
    repository = await newRepository();
    await server.createDatabase('shapes');
    await query(SHAPES);
    const url = server.url('shapes');
    const { key } = await backUpUrl(repository, url);
    scene = { key, place: { config: { kind: 'postgres', url, options: {} }, env: {} } };
    await keepTables(server, 'shapes', 'kept', TABLES);
  });
  afterAll(async () => {
    await repository?.[Symbol.asyncDispose]();
    await server?.stop();
  });

  it('go into the part of a table, with what refers to the whole of it', async () => {
    await query(`DELETE FROM visit WHERE id = 2; DELETE FROM event WHERE id = 2`);
    expect((await plan(...rowsOf('public.visit'))).violations).toEqual([
      expect.stringContaining(
        'rows (2) refer to rows of public.event that do not exist (foreign key visit_day_event_fkey)',
      ),
    ]);
    await restore(...rowsOf('public.visit'), ...rowsOf('public.event_2026'));
    expect(await same()).toEqual([]);
    const removals = [{ day: '2025-05-05', id: '1' }];
    expect((await plan({ dataset: 'public.event_2025', keys: [], removals })).violations).toEqual([
      expect.stringContaining('rows of public.visit refer to (2025-05-05, 1), which would be removed'),
    ]);
  }, 300_000);

  it('respect a unique index of an expression over some rows, and rows that go for them', async () => {
    await query(`DELETE FROM person WHERE id = 2; INSERT INTO person VALUES (9, 'Bo', false)`);
    const keys = [{ id: '2' }];
    expect((await plan({ dataset: 'public.person', keys })).violations).toEqual([
      expect.stringContaining('already have the values of one_of_a_name (lower(name)): (2 as 9)'),
    ]);
    await restore({ dataset: 'public.person', keys, removals: [{ id: '9' }] });
    expect(await same()).toEqual([]);
  }, 300_000);

  it('refer to each other in a circle, and all come back', async () => {
    await query(
      `UPDATE hen SET egg = NULL WHERE id = 1; DELETE FROM egg WHERE id = 1; DELETE FROM hen WHERE id = 1`,
    );
    await restore(...rowsOf('public.hen'), ...rowsOf('public.egg'));
    expect(await same()).toEqual([]);
  }, 300_000);

  it('are mended by the statements of a difference too', async () => {
    await query(`DELETE FROM visit; DELETE FROM event WHERE id = 2; UPDATE event SET day = '2026-05-05';
      UPDATE hen SET egg = NULL; DELETE FROM egg; INSERT INTO hen VALUES (3, NULL); DELETE FROM hen WHERE id = 2;
      INSERT INTO egg VALUES (9, 3); UPDATE hen SET egg = 9; DELETE FROM person WHERE id > 1; UPDATE base SET v = 'no'`);
    const live = await openLive(await openSource(scene.place.config, {}), never);
    const backup = backupVersion(await repository.openBackup(scene.key, never));
    const datasets = backup.contents.datasets.flatMap(({ kind, name }) => (kind === 'data' ? [name] : []));
    const script = await Array.fromAsync(diffSql(live, backup, { datasets, signal: never }));
    await psql(server.url('shapes'), script.join(''));
    expect(await same()).toEqual([]);
    const late = await query(`SELECT conname FROM pg_constraint WHERE contype = 'f' AND condeferrable`);
    expect(late).toEqual([]);
  }, 300_000);

  it('of a table that others inherit from are its own', async () => {
    await query(`DELETE FROM base; UPDATE base SET v = 'no'; INSERT INTO child VALUES (1, 'w', 'w')`);
    const removals = [{ id: '1', v: 'w', more: 'w' }];
    await restore(...rowsOf('public.base'), ...rowsOf('public.child', { all: true, removals }));
    expect(await same()).toEqual([]);
    for (const some of [{ where: ['id = 1'] }, { keys: [{ id: '1' }] }])
      await expect(restore(...rowsOf('public.base', { all: true, ...some }))).rejects.toMatchObject({
        code: 'E_USAGE',
        message: 'all rows of public.base are chosen, and only some of them too',
      });
    await expect(restore(...rowsOf('public.base'), ...rowsOf('public.base'))).rejects.toThrow('named twice');
  }, 300_000);
});
