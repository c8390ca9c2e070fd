import { execFile } from 'node:child_process';
import { setTimeout as delay } from 'node:timers/promises';
import { afterAll, beforeAll, beforeEach, expect } from 'vitest';
import type { Repository } from '../../../../shared/repository/repository.ts';
import type { BackupContents } from '../../../../shared/sources/contents.ts';
import { openMysqlChecks } from '../../../../shared/sources/mysql/checks.ts';
import { exportMysql } from '../../../../shared/sources/mysql/export.ts';
import { openMysqlSource } from '../../../../shared/sources/mysql/source.ts';
import { openMysqlTarget } from '../../../../shared/sources/mysql/target.ts';
import type { SourceView } from '../../../../shared/sources/source.ts';
import type { MariadbServer } from '../../../../tools/mariadb-server.ts';
import { asContents, readSource } from '../../../contract/reading.ts';
import { describeWithMysql, isThere, openTestServer } from '../../../support/mysql-server.ts';
import { never } from '../../../support/repository/engine.ts';
import { turns } from '../../../support/repository/torture.ts';
import { makeAccounts, moveMoney, sumOf, TOTAL } from './money.ts';
import { backUpUrl, checksums, nativeDump, newRepository, restoreUrl } from './round-trip.ts';

const it = turns(3);

const READS = 'SELECT, SHOW VIEW, TRIGGER, EVENT, EXECUTE';
let server: MariadbServer;
let repository: Repository;
let databases = 0;
beforeAll(async () => {
  if (!isThere) return;
  server = await openTestServer();
  repository = await newRepository();
});
afterAll(async () => {
  await repository?.[Symbol.asyncDispose]();
  await server?.stop();
});

/** A new database with these statements run in it. */
async function database(sql = 'SELECT 1'): Promise<string> {
  const name = `of_test_${++databases}`;
  await server.query(undefined, `DROP DATABASE IF EXISTS ${name}; CREATE DATABASE ${name}`);
  await server.query(name, sql);
  return name;
}

/** A user with these rights, and the connection string. */
async function userWith(name: string, of: string, rights: string, global = 'USAGE'): Promise<string> {
  const { host, port } = server;
  await server.query(
    undefined,
    `DROP USER IF EXISTS ${name}@'%'; CREATE USER ${name}@'%' IDENTIFIED BY 'horse'; GRANT ${global} ON *.* TO ${name}@'%'; GRANT ${rights} ON ${of}.* TO ${name}@'%'`,
  );
  return `mysql://${name}:horse@${host}:${port}/${of}`;
}

describeWithMysql('one moment, while money moves', () => {
  const RUNGS = [
    { rung: 'binlog', rights: READS, global: 'REPLICATION CLIENT', snapshot: 'auto' },
    { rung: 'flush', rights: READS, global: 'RELOAD', snapshot: 'flush' },
    { rung: 'lock', rights: `${READS}, LOCK TABLES`, global: 'USAGE', snapshot: 'lock' },
    { rung: 'single', rights: READS, global: 'USAGE', snapshot: 'flush' },
  ] as const;
  beforeEach(() => makeAccounts(server, 'bank'));

  it.each(RUNGS)(
    'is $rung with $rights and $global: never half moved',
    async ({ rung, rights, global, snapshot }) => {
      const url = await userWith('teller', 'bank', rights, global);
      await using moving = await moveMoney(server, 'bank');
      for (let round = 0; round < 3; round++) {
        const before = moving.moved();
        await using view = await openMysqlSource(url, { readers: 3, snapshot }, {}).open(never);
        while (moving.moved() < before + 20) await delay(1);
        expect(view.datasets[0]?.attributes['snapshot']).toBe(rung);
        expect(view.consistency).toBe('atomic');
        expect(await sumOf(view)).toBe(TOTAL);
      }
    },
  );

  it('is not found by a reader whose sessions begin one after the other', async () => {
    // What the others would show if sessions saw different moments.
    const differs = async () => {
      await using moving = await moveMoney(server, 'bank');
      const seen: number[] = [];
      for (const table of ['north', 'south', 'west']) {
        const before = moving.moved();
        while (moving.moved() < before + 5) await delay(1);
        const [row] = await server.query('bank', `SELECT SUM(amount) AS sum FROM ${table}`);
        seen.push(Number(row?.['sum']));
      }
      return seen.reduce((sum, one) => sum + one, 0) !== TOTAL;
    };
    let found = false;
    for (let round = 0; round < 20 && !found; round++) found = await differs();
    expect(found).toBe(true);
  });
});

describeWithMysql('settings of the server', () => {
  const HOSTILE = `SET GLOBAL sql_mode = 'ANSI,NO_BACKSLASH_ESCAPES,PAD_CHAR_TO_FULL_LENGTH,STRICT_ALL_TABLES,NO_ZERO_DATE,NO_ZERO_IN_DATE,TRADITIONAL,ORACLE',
    GLOBAL time_zone = '-07:30', GLOBAL autocommit = 0, GLOBAL tx_isolation = 'READ-COMMITTED', GLOBAL sql_select_limit = 1, GLOBAL sql_auto_is_null = 1,
    GLOBAL character_set_client = 'latin1', GLOBAL character_set_results = 'sjis', GLOBAL collation_connection = 'utf8mb4_czech_ci',
    GLOBAL foreign_key_checks = 1, GLOBAL completion_type = 'CHAIN', GLOBAL sql_quote_show_create = 0, GLOBAL max_statement_time = 0.5,
    GLOBAL system_versioning_asof = '2020-01-01 00:00:00', GLOBAL net_write_timeout = 1, GLOBAL div_precision_increment = 0, GLOBAL sql_safe_updates = 1`;
  const MILD = HOSTILE.replaceAll(/(GLOBAL \w+) = ('[^']*'|[\d.]+)/g, '$1 = DEFAULT');

  it('change nothing of what is read and restored', async () => {
    const from =
      await database(`CREATE TABLE a (id INT PRIMARY KEY AUTO_INCREMENT, t TIMESTAMP(6) NULL, d DATE, c CHAR(5), s VARCHAR(9), f FLOAT, n INT NOT NULL DEFAULT 3);
      SET sql_mode = 'NO_AUTO_VALUE_ON_ZERO', time_zone = '+00:00';
      INSERT INTO a VALUES (0, '2024-10-27 01:30:00.5', '0000-00-00', 'x', 'a\\\\b''"', 0.1, 1), (5, '1970-01-01 00:00:01', '2024-00-00', '', 'é', 1e30, 2);
      CREATE TABLE h (id INT PRIMARY KEY) WITH SYSTEM VERSIONING; INSERT INTO h VALUES (1); UPDATE h SET id = 2;
      CREATE VIEW v AS SELECT CONCAT('a', 'b') AS c, id FROM a; CREATE PROCEDURE p() SELECT "text", 'a' || 'b'`);
    const to = await database();
    const mild = await readSource(openMysqlSource(server.url(from), {}, {}), { schema: true });
    await server.query(undefined, HOSTILE);
    try {
      const hostile = await readSource(openMysqlSource(server.url(from), {}, {}), { schema: true });
      const key = await backUpUrl(repository, server.url(from));
      const { comparison } = await restoreUrl(repository, key, server.url(to));
      expect(comparison.filter(({ equal }) => !equal)).toEqual([]);
      for (const [i, { partitions }] of mild.datasets.entries())
        expect(hostile.datasets[i]?.partitions).toEqual(partitions);
    } finally {
      await server.query(undefined, MILD);
    }
    expect(await nativeDump(server, to)).toBe(await nativeDump(server, from));
    expect(await checksums(server, to)).toEqual(await checksums(server, from));
  });
});

describeWithMysql('what goes wrong', () => {
  it.each(['SELECT', 'SHOW VIEW', 'TRIGGER', 'EVENT', 'EXECUTE'])(
    'a user without %s is refused: something could be missing',
    async (right) => {
      const name = await database('CREATE TABLE a (id INT)');
      const url = await userWith(
        'poor',
        name,
        READS.split(', ')
          .filter((one) => one !== right)
          .join(', '),
      );
      await expect(openMysqlSource(url, {}, {}).open(never)).rejects.toMatchObject({
        code: 'E_SOURCE_DENIED',
        message: expect.stringContaining(right),
        hint: expect.stringContaining(`GRANT ${right}`),
      });
    },
  );

  it('the text of a routine that the user may not see is refused', async () => {
    const name = await database('CREATE PROCEDURE hidden() SELECT 1');
    const url = await userWith('poor', name, READS);
    await expect(openMysqlSource(url, {}, {}).open(never)).rejects.toMatchObject({
      code: 'E_SOURCE_DENIED',
      message: expect.stringContaining('hidden'),
    });
  });

  it('a table that is altered after the backup began is named, and one that is altered while it begins is no failure', async () => {
    const name = await database(
      'CREATE TABLE a (id INT PRIMARY KEY); CREATE TABLE b (id INT PRIMARY KEY, x INT); INSERT INTO b VALUES (1, 2)',
    );
    await using view = await openMysqlSource(server.url(name), {}, {}).open(never);
    await server.query(name, 'ALTER TABLE b DROP COLUMN x, ADD COLUMN y VARCHAR(10) FIRST, ALGORITHM=COPY');
    const table = view.datasets.find((dataset) => dataset.name === 'b')!;
    const read = async () => {
      for await (const _ of view.read(table, table.partitions[0]!, never));
    };
    await expect(read()).rejects.toMatchObject({
      code: 'E_SOURCE_CHANGED',
      message: expect.stringMatching(/\bb in .*error (1412|1054)/),
    });
  });

  it('a connection that the server ends is lost', async () => {
    const name = await database('CREATE TABLE a (id INT PRIMARY KEY); INSERT INTO a VALUES (1)');
    await using view = await openMysqlSource(server.url(name), { readers: 1 }, {}).open(never);
    const [row] = await server.query(
      undefined,
      `SELECT GROUP_CONCAT(id) AS ids FROM information_schema.PROCESSLIST WHERE db = '${name}'`,
    );
    for (const id of String(row?.['ids']).split(',')) await server.query(undefined, `KILL ${id}`);
    const table = view.datasets.at(-1)!;
    const read = async () => {
      for await (const _ of view.read(table, table.partitions[0]!, never));
    };
    await expect(read()).rejects.toMatchObject({ code: 'E_SOURCE_LOST' });
    await expect(view.check(never)).rejects.toMatchObject({ code: 'E_SOURCE_LOST' });
  });

  it('a view that no longer compiles is told of, and left out of a restore that says so', async () => {
    const from = await database(
      'CREATE TABLE a (id INT); CREATE VIEW v AS SELECT id FROM a; CREATE TABLE b (id INT); DROP TABLE a',
    );
    const to = await database();
    const reading = await readSource(openMysqlSource(server.url(from), {}, {}), { schema: true });
    await using view = await openMysqlSource(server.url(from), {}, {}).open(never);
    expect(view.omitted.join()).toMatch(/view v: .*1356/);
    const contents = asContents(reading);
    const { warnings } = await openMysqlTarget(server.url(to), {}, {}).plan(contents, {}, never);
    expect(warnings.join()).toContain('VIEW v is left out');
  });

  it('a row that is too large for the target is named before the server ends the connection', async () => {
    const from = await database(
      'CREATE TABLE big (id INT PRIMARY KEY, b LONGBLOB); INSERT INTO big VALUES (1, REPEAT(CHAR(39), 3000000))',
    );
    const to = await database();
    const key = await backUpUrl(repository, server.url(from));
    await server.query(undefined, 'SET GLOBAL max_allowed_packet = 2097152');
    try {
      await expect(restoreUrl(repository, key, server.url(to))).rejects.toMatchObject({
        code: 'E_SOURCE_FAILED',
        message: expect.stringMatching(/big: a row takes .* more than 2.* \(max_allowed_packet\)/),
      });
    } finally {
      await server.query(undefined, 'SET GLOBAL max_allowed_packet = 67108864');
    }
    await restoreUrl(repository, key, server.url(to), { replace: true });
    expect(await checksums(server, to)).toEqual(await checksums(server, from));
  });

  it('a server that is read-only is named', async () => {
    const from = await database('CREATE TABLE a (id INT)');
    const to = await database();
    const key = await backUpUrl(repository, server.url(from));
    const url = await userWith('writer', to, 'ALL');
    await server.query(undefined, 'SET GLOBAL read_only = 1');
    try {
      await expect(restoreUrl(repository, key, url)).rejects.toMatchObject({
        code: 'E_SOURCE_DENIED',
        hint: expect.stringContaining('primary'),
      });
    } finally {
      await server.query(undefined, 'SET GLOBAL read_only = 0');
    }
  });

  it('objects of another definer are refused to a user of one database, and made its own with noOwner', async () => {
    const from = await database(
      'CREATE TABLE a (id INT); CREATE DEFINER=ghost@nowhere SQL SECURITY INVOKER VIEW v AS SELECT id FROM a; CREATE DEFINER=ghost@nowhere TRIGGER t BEFORE INSERT ON a FOR EACH ROW SET NEW.id = 1',
    );
    const to = await database();
    const key = await backUpUrl(repository, server.url(from));
    const url = await userWith('owner', to, 'ALL');
    await expect(restoreUrl(repository, key, url)).rejects.toMatchObject({
      code: 'E_MISSING_ROLES',
      message: expect.stringContaining('ghost@nowhere'),
    });
    expect(await checksums(server, to)).toEqual({});
    await restoreUrl(repository, key, url, { noOwner: true });
    const [row] = await server.query(
      undefined,
      `SELECT DEFINER AS definer FROM information_schema.TRIGGERS WHERE TRIGGER_SCHEMA = '${to}'`,
    );
    expect(row?.['definer']).toBe('owner@%');
  });

  it('rows that a unique key of the target takes for the same are named', async () => {
    const from = await database(
      "CREATE TABLE a (k VARCHAR(9) COLLATE utf8mb4_bin UNIQUE); INSERT INTO a VALUES ('x'), ('X')",
    );
    const to = await database();
    const reading = await readSource(openMysqlSource(server.url(from), {}, {}), { schema: true });
    const contents = asContents({
      ...reading,
      datasets: reading.datasets.map((dataset) => ({
        ...dataset,
        partitions: new Map(
          [...dataset.partitions].map(([name, bytes]) => [
            name,
            Buffer.from(bytes.toString().replace('utf8mb4_bin', 'utf8mb4_general_ci')),
          ]),
        ),
      })),
    });
    const target = openMysqlTarget(server.url(to), {}, {});
    const plan = await target.plan(contents, {}, never);
    await expect(
      target.restore(contents, plan, { signal: never, onProgress: () => {} }),
    ).rejects.toMatchObject({
      message: expect.stringContaining('1062'),
      hint: expect.stringContaining('collation'),
    });
  });

  it('foreign keys that do not hold are told of, as in the backup', async () => {
    const from = await database(
      'CREATE TABLE p (id INT PRIMARY KEY); CREATE TABLE c (p INT, CONSTRAINT fk FOREIGN KEY (p) REFERENCES p (id)); SET foreign_key_checks = 0; INSERT INTO c VALUES (7)',
    );
    const to = await database();
    const key = await backUpUrl(repository, server.url(from));
    const told: string[] = [];
    await restoreUrl(repository, key, server.url(to), {
      onProgress: (event) => void (event.kind === 'warning' && told.push(event.message)),
    });
    expect(told).toEqual([expect.stringContaining('foreign key fk of c')]);
  });
});

describeWithMysql('large and many', () => {
  it('a value over several packets comes back', async () => {
    const from = await database(
      "CREATE TABLE big (id INT PRIMARY KEY, b LONGBLOB, e INT); INSERT INTO big VALUES (1, REPEAT('0123456\\n\\t\\'\\\\\\0', 1530000), 2)",
    );
    const to = await database();
    await using view = await openMysqlSource(server.url(from), {}, {}).open(never);
    const target = openMysqlTarget(server.url(to), {}, {});
    const contents = contentsOf(view);
    const plan = await target.plan(contents, {}, never);
    await target.restore(contents, plan, { signal: never, onProgress: () => {} });
    expect(await checksums(server, to)).toEqual(await checksums(server, from));
  });

  /** A backup that is read while it is made. */
  function contentsOf(view: SourceView): BackupContents {
    const counts = { records: 1, plainBytes: 1 };
    const planOf = (name: string) => view.datasets.find((dataset) => dataset.name === name)!;
    return {
      sourceKind: 'mysql',
      server: view.server,
      datasets: view.datasets.map((dataset) => ({
        ...dataset,
        ...counts,
        partitions: dataset.partitions.map(({ name }) => ({ name, ...counts })),
      })),
      read: ({ name }, partition, signal) =>
        view.read(planOf(name), { ...partition, estimatedBytes: 0 }, signal),
      copy: () => expect.fail('nothing is written into files'),
    };
  }

  it('partitions stay where they were when a table grows, and only new ones come', async () => {
    const name = await database(
      'CREATE TABLE a (id INT PRIMARY KEY, t CHAR(200)); INSERT INTO a SELECT seq, seq FROM seq_1_to_20000; ANALYZE TABLE a',
    );
    const source = () => openMysqlSource(server.url(name), { partitionMiB: 1 }, {});
    const first = await readSource(source());
    const before = first.datasets[0]!.partitions;
    expect(before.size).toBeGreaterThan(3);
    await server.query(name, 'INSERT INTO a SELECT seq, seq FROM seq_20001_to_40000; ANALYZE TABLE a');
    const second = await readSource(source(), { parent: first });
    const after = second.datasets[0]!.partitions;
    expect(after.size).toBeGreaterThan(before.size);
    const closed = [...before].slice(0, -1);
    for (const [part, bytes] of closed) expect(after.get(part)?.equals(bytes), part).toBe(true);
    expect(
      Buffer.concat([...after.values()])
        .toString()
        .split('\n'),
    ).toHaveLength(40_001);
  });
});

describeWithMysql('exports', () => {
  it('as sql are loaded by the client, to the same database; as csv and ndjson are read by others', async () => {
    const from =
      await database(`CREATE TABLE a (id INT PRIMARY KEY, s VARCHAR(20) CHARACTER SET latin1, b BLOB, f FLOAT, j JSON, d DECIMAL(30,2)); CREATE TABLE none (x INT);
      INSERT INTO a VALUES (1, 'é,"q"', x'00ff', 0.1, '{"a": 1}', 12345678901234567890.12), (2, NULL, NULL, NULL, NULL, NULL), (3, '', '', 1, 'true', 1);
      CREATE VIEW z AS SELECT id FROM a; CREATE VIEW b_view AS SELECT id FROM z; CREATE SEQUENCE sq; SELECT NEXTVAL(sq);
      CREATE PROCEDURE p() BEGIN SELECT 1; SELECT ';'; END; CREATE TRIGGER t BEFORE INSERT ON a FOR EACH ROW SET NEW.f = 2`);
    const to = await database();
    const contents = asContents(
      await readSource(openMysqlSource(server.url(from), {}, {}), { schema: true }),
    );
    const text = async (format: 'sql' | 'csv' | 'ndjson') => {
      const blocks: Uint8Array[] = [];
      for await (const block of exportMysql(contents, {
        format,
        datasets: format === 'sql' ? undefined : ['a'],
        signal: never,
      }))
        blocks.push(block);
      return Buffer.concat(blocks);
    };
    await load(to, await text('sql'));
    expect(await nativeDump(server, to)).toBe(await nativeDump(server, from));
    expect((await text('csv')).toString()).toBe(
      'id,s,b,f,j,d\r\n1,"é,""q""",0x00ff,0.10000000149011612,"{""a"": 1}",12345678901234567890.12\r\n2,,,,,\r\n3,"",0x,1,true,1.00\r\n',
    );
    const lines = (await text('ndjson'))
      .toString()
      .split('\n')
      .slice(0, -1)
      .map((line) => JSON.parse(line));
    expect(lines[0]).toEqual({
      id: 1,
      s: 'é,"q"',
      b: '0x00ff',
      f: 0.10000000149011612,
      j: '{"a": 1}',
      d: '12345678901234567890.12',
    });
  });

  /** By the server's own client. */
  async function load(name: string, script: Buffer): Promise<void> {
    const { host, port, user, password } = server;
    const args = [
      '--no-defaults',
      `--host=${host}`,
      `--port=${port}`,
      `--user=${user}`,
      `--password=${password}`,
      name,
    ];
    await new Promise<void>((resolve, reject) => {
      const client = execFile('mariadb', args, (error) => (error ? reject(error) : resolve()));
      client.stdin?.end(script);
    });
  }
});

describeWithMysql('checks', () => {
  it('hold for a user who may read all, and say what one lacks who may not', async () => {
    const name = await database('CREATE TABLE a (id INT)');
    const outcomes = async (url: string) => {
      const found: Record<string, string> = {};
      for await (const check of openMysqlChecks(url, {}, {}).run({ mayWrite: false, signal: never }))
        if (check.name !== 'values') found[check.name] = check.outcome;
      return found;
    };
    const all = ['name', 'route', 'login', 'tls', 'version', 'exact', 'connections', 'rights', 'snapshot'];
    expect(await outcomes(await userWith('viewer', name, READS, 'REPLICATION CLIENT'))).toEqual(
      Object.fromEntries(all.map((one) => [one, 'holds'])),
    );
    expect(await outcomes(await userWith('poor', name, 'SELECT'))).toMatchObject({
      rights: 'differs',
      snapshot: 'skipped',
      exact: 'holds',
    });
  });

  it('values of all types are written and read, where the user may make a temporary table', async () => {
    const name = await database('CREATE TABLE a (id INT)');
    const look = async (url: string, use: 'backup' | 'restore' | 'drill') => {
      const found = new Map<string, string>();
      const options = { users: use === 'backup' };
      for await (const { name: check, outcome, seen } of openMysqlChecks(url, options, {}).run({
        mayWrite: true,
        use,
        signal: never,
      }))
        found.set(check, `${outcome}: ${seen}`);
      return found;
    };
    const owner = await userWith('checker', name, 'ALL');
    const restore = await look(owner, 'restore');
    expect(restore.get('values')).toBe('holds: 17 types came back as they were written');
    expect(restore.get('packet')).toBe('holds: max_allowed_packet is 64.0 MiB');
    expect((await look(server.url(name), 'backup')).get('users')).toMatch(/^holds: \d+ users and roles$/);
    const reader = await look(await userWith('checker', name, READS), 'backup');
    expect(reader.get('values')).toBe('unknown: this user may not make temporary tables');
    expect(reader.get('users')).toBe('differs: the users of the server may not be read by this user');
    expect((await look(server.url(''), 'drill')).get('values')).toBe('unknown: no database is chosen');
  });
});
