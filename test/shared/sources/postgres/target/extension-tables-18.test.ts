import { chmod, mkdir, mkdtemp, rm, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import path from 'node:path';
import { afterAll, beforeAll, describe, expect } from 'vitest';
import { exportBackup } from '../../../../../shared/jobs/restore/export.ts';
import type { Repository } from '../../../../../shared/repository/repository.ts';
import type { PostgresServer } from '../../../../../tools/embedded-postgres.ts';
import { describeWithPart } from '../../../../support/parts.ts';
import { ownPostgres } from '../../../../support/postgres.ts';
import { never } from '../../../../support/repository/engine.ts';
import { turnOfAll } from '../../../../support/repository/torture.ts';
import { backUpUrl, newRepository, psql, restoreUrl } from './round-trip.ts';

const it = turnOfAll(3);

/** As that of PostGIS' topology: tables for the user's rows, whose foreign keys are there from the start. */
const EXTENSION = `
  CREATE TABLE @extschema@.world (id int PRIMARY KEY, name text UNIQUE);
  CREATE TABLE @extschema@.layer (id int PRIMARY KEY, world int NOT NULL REFERENCES @extschema@.world, note text);
  CREATE TABLE @extschema@.detail (layer int NOT NULL REFERENCES @extschema@.layer, note text);
  CREATE TABLE @extschema@.tree (id int PRIMARY KEY, parent int REFERENCES @extschema@.tree);
  CREATE TABLE @extschema@.hen (id int PRIMARY KEY, egg int NOT NULL);
  CREATE TABLE @extschema@.egg (id int PRIMARY KEY, hen int NOT NULL REFERENCES @extschema@.hen);
  ALTER TABLE @extschema@.hen ADD CONSTRAINT hatched FOREIGN KEY (egg) REFERENCES @extschema@.egg;
  ${['world', 'layer', 'detail', 'tree', 'hen', 'egg'].map((name) => `SELECT pg_extension_config_dump('@extschema@.${name}', '');`).join('\n')}
`;
const ROWS = `
  CREATE EXTENSION linked SCHEMA public;
  INSERT INTO world SELECT i, 'w' || i FROM generate_series(1, 20) i;
  INSERT INTO layer SELECT i, 1 + i % 20, repeat('layer', 9) FROM generate_series(1, 200) i;
  INSERT INTO detail SELECT 1 + i % 200, repeat('detail', 9) FROM generate_series(1, 3000) i;
  INSERT INTO tree SELECT i, nullif(i % 100, 0) FROM generate_series(200, 1, -1) i;
  BEGIN;
  ALTER TABLE hen ALTER CONSTRAINT hatched DEFERRABLE INITIALLY DEFERRED;
  INSERT INTO hen SELECT i, i FROM generate_series(1, 50) i;
  INSERT INTO egg SELECT i, i FROM generate_series(1, 50) i;
  SET CONSTRAINTS ALL IMMEDIATE;
  ALTER TABLE hen ALTER CONSTRAINT hatched NOT DEFERRABLE;
  COMMIT;
`;
/** All rows, and which keys wait for the end of a transaction. */
const CONTENTS = `
  SELECT (SELECT count(*)::int FROM world) AS world, (SELECT count(*)::int FROM layer) AS layer,
         (SELECT count(*)::int FROM detail) AS detail, (SELECT sum(parent)::int FROM tree) AS tree,
         (SELECT sum(egg)::int FROM hen) AS hen, (SELECT sum(hen)::int FROM egg) AS egg,
         (SELECT count(*)::int FROM pg_constraint WHERE contype = 'f') AS keys,
         (SELECT count(*)::int FROM pg_constraint WHERE condeferrable) AS deferrable`;

describe('configuration tables of an extension', { timeout: 60_000 }, () => {
  let folder: string;
  let server: PostgresServer;
  let repository: Repository;
  let key: Awaited<ReturnType<typeof backUpUrl>>['key'];

  beforeAll(async () => {
    folder = await mkdtemp(path.join(tmpdir(), 'holdfast-extension-'));
    const extensions = path.join(folder, 'extension');
    await mkdir(extensions);
    await writeFile(path.join(extensions, 'linked.control'), "default_version = '1'\nrelocatable = false\n");
    await writeFile(path.join(extensions, 'linked--1.sql'), EXTENSION);
    for (const one of [folder, extensions]) await chmod(one, 0o755);
    server = await ownPostgres(18, { settings: { extension_control_path: `'${folder}:$system'` } });
    repository = await newRepository();
    await server.createDatabase('linked');
    await server.query('linked', ROWS);
    ({ key } = await backUpUrl(repository, server.url('linked')));
  });
  afterAll(async () => {
    await repository?.[Symbol.asyncDispose]();
    await server?.stop();
    await rm(folder, { recursive: true, force: true });
  });

  it.each([1, 4])('get their rows in the order of their foreign keys, with %i jobs', async (jobs) => {
    const { comparison } = await restoreUrl(repository, key, await server.createDatabase(`back_${jobs}`), {
      jobs,
    });
    expect(comparison.every(({ equal }) => equal)).toBe(true);
    const wanted = (await server.query('linked', CONTENTS)).rows;
    expect(wanted).toMatchObject([{ detail: 3000, egg: 1275, keys: 5, deferrable: 0 }]);
    expect((await server.query(`back_${jobs}`, CONTENTS)).rows).toEqual(wanted);
  });

  describeWithPart('postgresql-15', 'exported', () => {
    it('as SQL that psql takes', async () => {
      const blocks: Uint8Array[] = [];
      for await (const block of exportBackup(repository, key, { format: 'sql', signal: never }))
        blocks.push(Buffer.from(block));
      await psql(await server.createDatabase('exported'), Buffer.concat(blocks).toString('utf8'));
      expect((await server.query('exported', CONTENTS)).rows).toEqual(
        (await server.query('linked', CONTENTS)).rows,
      );
    });
  });
});
