import { mkdir, readFile, writeFile } from 'node:fs/promises';
import path from 'node:path';
import { afterAll, beforeAll, beforeEach, describe, expect } from 'vitest';
import type { PostgresServer } from '../../tools/embedded-postgres.ts';
import { runCommand } from '../support/command-line.ts';
import { expectDocumented } from '../support/documented-json.ts';
import { ownPostgres } from '../support/postgres.ts';
import { TEST_KEY } from '../support/repository/engine.ts';
import { turns } from '../support/repository/torture.ts';
import { newFolder } from '../support/temporary.ts';

const it = turns(4);

describe('holdfast drill', { timeout: 120_000 }, () => {
  let server: PostgresServer;
  let cwd: string;
  let env: Record<string, string>;
  beforeAll(async () => {
    server = await ownPostgres(18);
    await server.createDatabase('shop');
    await server.query(
      'shop',
      'CREATE TABLE t (id int PRIMARY KEY); INSERT INTO t SELECT generate_series(1, 100)',
    );
  });
  afterAll(() => server?.stop());
  beforeEach(async () => {
    cwd = await newFolder();
    env = {
      HOLDFAST_REPOSITORY: path.join(cwd, 'repository'),
      BACKUP_ENCRYPTION_KEY: TEST_KEY,
      SHOP: server.url('shop'),
      DRILL_SERVER: server.url(),
      PGDATABASE: 'shop',
    };
    await holdfast('init');
  });

  const holdfast = (line: string) => runCommand(line, { env, cwd });
  const configure = (drill: object) =>
    writeFile(path.join(cwd, 'holdfast.config.json'), JSON.stringify({ drill }));
  const scratch = async () =>
    (await server.query('postgres', "SELECT 1 FROM pg_database WHERE datname LIKE 'holdfast%'")).rowCount;

  it('says the recovery time and the result, keeps a report, and prints the documented JSON', async () => {
    await holdfast('backup daily --source env:SHOP');
    await configure({ postgres: { url: 'env:DRILL_SERVER', readers: 2 } });
    const text = await holdfast('drill');
    expect(text).toMatchObject({ status: 0 });
    expect(text.stdout).toMatch(
      /^Drill of backup_daily_.*: restored and equal\n {2}restored {3}in .*\(recovery time\)/,
    );
    expect(text.stdout).toMatch(/public\.t +100 +100 {2}equal\n/);
    expect(text.stdout).toContain('report     reports/drill/');
    const json = await holdfast('drill latest --json --quiet');
    expectDocumented('drill', json.json());
    expect(json.json()).toMatchObject({ outcome: 'equal', removal: null, error: null });
    expect(await scratch()).toBe(0);
    const report = /report {5}(reports\/drill\/\S+)/.exec(text.stdout)?.[1] ?? '';
    const name = path.basename(report, '.json');
    expectDocumented('show', (await holdfast(`show ${name} --json`)).json());
    const shown = await holdfast(`show ${name}`);
    expect(shown).toMatchObject({ status: 0 });
    expect(shown.stdout).toMatch(/^result +restored, and equal/m);
    expect(shown.stdout).toMatch(/^its hash +[0-9a-f]{64} \(unchanged since\)$/m);
    expect(shown.stdout).toMatch(/^MAC +right\nsignature +none$/m);
    expect(shown.stdout).toMatch(/public\.t +100 +100 +equal/);
    const stored = await readFile(path.join(cwd, 'repository', report), 'utf8');
    await writeFile(path.join(cwd, `${name}.json`), stored);
    expect((await holdfast(`show ./${name}.json --json`)).json()).toMatchObject({
      isProven: true,
      outcome: 'equal',
    });
    await writeFile(path.join(cwd, `${name}.json`), stored.replace('"records":100', '"records":101'));
    expect(await holdfast(`show ./${name}.json`)).toMatchObject({ status: 20, stdout: '' });
    for (const said of [text.stdout, text.stderr, json.stdout, json.stderr])
      expect(said).not.toContain(server.password);
  });

  it('tells different and failed apart by exit status, and says how to drop what is kept', async () => {
    await holdfast('backup --source env:SHOP');
    const kept = await holdfast('drill --server env:DRILL_SERVER --keep');
    const [, removal = ''] = /Remove it with: (DROP DATABASE .*)\n/.exec(kept.stdout) ?? [];
    expect(await scratch()).toBe(1);
    await server.query('postgres', removal);
    env['NOWHERE'] = 'postgres://me:secret@127.0.0.1:1/postgres';
    const failed = await holdfast('drill --server env:NOWHERE');
    expect(failed).toMatchObject({ status: 21, stdout: expect.stringContaining('(E_SOURCE_UNREACHABLE)') });
    expect(failed.stdout).toContain('report     reports/drill/');
    expect(failed.stdout + failed.stderr).not.toContain('secret');
    const spoil = `CREATE FUNCTION spoil() RETURNS event_trigger LANGUAGE plpgsql AS
      $$ BEGIN IF to_regclass('public.more') IS NULL THEN CREATE TABLE public.more (a int); END IF; END $$;
      CREATE EVENT TRIGGER spoil ON ddl_command_end EXECUTE FUNCTION spoil()`;
    await server.query('postgres', 'ALTER DATABASE template0 ALLOW_CONNECTIONS true');
    await server.query('template0', spoil);
    const different = await holdfast('drill --server env:DRILL_SERVER');
    await server.query('template0', 'DROP EVENT TRIGGER spoil; DROP FUNCTION spoil()');
    expect(different).toMatchObject({ status: 20, stdout: expect.stringContaining('DIFFERENT') });
    expect(different.stdout).toContain('TABLE public.more');
  });

  it('drills text files in a folder, only where one is named', async () => {
    await writeFile(path.join(cwd, 'data.txt'), 'one\ntwo\n');
    await holdfast('backup --source data.txt');
    expect(await holdfast('drill')).toMatchObject({
      status: 2,
      stderr: expect.stringContaining('drill: { files:'),
    });
    await mkdir(path.join(cwd, 'scratch'));
    expect(await holdfast('drill --server ./scratch')).toMatchObject({ status: 0 });
  });

  it('refuses a configuration that it does not understand', async () => {
    await holdfast('backup --source env:SHOP');
    const wrong: readonly (readonly [object, string])[] = [
      [{ postgres: { url: 'postgres://x', tsl: 'require' } }, 'tsl is not a setting; did you mean tls?'],
      [{ postgres: { url: 'env:MISSING' } }, 'MISSING is not set'],
      [{ postgres: { readers: 2 } }, 'drill.postgres.url'],
      [{ postgress: {} }, 'did you mean postgres?'],
      [{ files: { url: '/x', mode: 1 } }, 'drill.files.mode is not a setting'],
      [{}, 'no place is configured'],
    ];
    for (const [drill, text] of wrong) {
      await configure(drill);
      expect(await holdfast('drill'), text).toMatchObject({
        status: 2,
        stderr: expect.stringContaining(text),
      });
    }
  });

  it.each([
    ['drill latest:shop --source shop2', 2, 'contradict each other'],
    ['drill --jobs 0', 2, "'0'"],
    ['drill', 10, 'there is no good backup'],
    ['drill 2026', 10, "no backup's name contains"],
  ])('%s exits with %i', async (line, status, text) => {
    expect(await holdfast(line)).toMatchObject({ status, stderr: expect.stringContaining(text) });
  });
});
