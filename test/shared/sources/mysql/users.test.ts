import { execFile } from 'node:child_process';
import { promisify } from 'node:util';
import { afterAll, beforeAll, expect, it } from 'vitest';
import type { BackupKey } from '../../../../shared/core/ids.ts';
import type { Repository } from '../../../../shared/repository/repository.ts';
import { openMysqlSource } from '../../../../shared/sources/mysql/source.ts';
import { type MariadbServer, startMariadb } from '../../../../tools/mariadb-server.ts';
import { describeWithPart } from '../../../support/parts.ts';
import { never } from '../../../support/repository/engine.ts';
import { backUpUrl, newRepository, restoreUrl } from './round-trip.ts';

const PASSWORDS = ['horse battery', 'correct staple'];
const USERS = `
  CREATE DATABASE shop; CREATE DATABASE other; CREATE TABLE other.gone (id INT);
  CREATE TABLE shop.orders (id INT PRIMARY KEY, total INT, secret INT);
  CREATE USER ana@'%' IDENTIFIED BY '${PASSWORDS[0]}' REQUIRE SSL WITH MAX_QUERIES_PER_HOUR 5;
  CREATE USER \`odd\`\`user "q' GRANT OPTION\`@'10.0.0.%' IDENTIFIED BY 'x' REQUIRE SUBJECT '/CN=a'' b' AND ISSUER '/CN=c''\\\\d' ACCOUNT LOCK PASSWORD EXPIRE INTERVAL 30 DAY;
  CREATE USER ed@localhost IDENTIFIED VIA ed25519 USING PASSWORD('${PASSWORDS[1]}') OR unix_socket;
  CREATE USER sock@localhost IDENTIFIED VIA unix_socket USING 'o''b'; CREATE USER ''@'192.168.%'; CREATE USER expired@'%' IDENTIFIED BY 'y' PASSWORD EXPIRE;
  CREATE ROLE clerk; CREATE ROLE boss; CREATE ROLE \`odd role, \`\`\`; CREATE ROLE alone; REVOKE alone FROM admin@'%';
  GRANT SELECT (id, total), INSERT (id) ON shop.orders TO ana@'%'; GRANT UPDATE ON shop.* TO ana@'%' WITH GRANT OPTION;
  GRANT PROCESS, RELOAD ON *.* TO ed@localhost WITH GRANT OPTION; GRANT SELECT ON other.gone TO ed@localhost;
  GRANT PROXY ON ana@'%' TO ed@localhost WITH GRANT OPTION; GRANT ALL ON \`odd\\_%\`.* TO \`odd\`\`user "q' GRANT OPTION\`@'10.0.0.%';
  GRANT SELECT ON shop.* TO PUBLIC;
  CREATE PROCEDURE shop.p() SELECT 1; GRANT EXECUTE ON PROCEDURE shop.p TO clerk; GRANT DELETE ON shop.orders TO \`odd role, \`\`\`;
  GRANT clerk TO boss; GRANT \`odd role, \`\`\` TO clerk WITH ADMIN OPTION; GRANT boss TO ana@'%' WITH ADMIN OPTION; SET DEFAULT ROLE boss FOR ana@'%'; REVOKE boss FROM admin@'%'; REVOKE ADMIN OPTION FOR clerk FROM admin@'%';
  CREATE DEFINER=ana@'%' VIEW shop.v AS SELECT id FROM shop.orders`;

const run = promisify(execFile);

describeWithPart('mariadb', 'users of a server', () => {
  let source: MariadbServer;
  let target: MariadbServer;
  let repository: Repository;
  let key: BackupKey;
  /** What the server writes of passwords. */
  let hashes: readonly string[];
  beforeAll(async () => {
    const settings = { 'skip-log-bin': '' };
    [source, target] = await Promise.all([startMariadb({ settings }), startMariadb({ settings })]);
    repository = await newRepository();
    await source.query(undefined, "INSTALL SONAME 'auth_ed25519'");
    await source.query(undefined, USERS);
    await target.query(undefined, 'CREATE DATABASE shop');
    // The server names no user of a host that it does not look for, and mariadb-dump fails at the first.
    for (const server of [source, target])
      await server.query(
        undefined,
        "DELETE FROM mysql.global_priv WHERE User = 'root' AND Host NOT IN ('localhost', '127.0.0.1', '::1'); FLUSH PRIVILEGES",
      );
    key = await backUpUrl(repository, source.url('shop'), { users: true });
    const shown = await Promise.all(
      ["ana@'%'", 'ed@localhost'].map((user) => source.query(undefined, `SHOW CREATE USER ${user}`)),
    );
    hashes = [...PASSWORDS, ...(JSON.stringify(shown).match(/(?<=')[^' ]{30,}(?=')/g) ?? [])];
    expect(hashes).toHaveLength(4);
  });
  afterAll(async () => {
    await repository?.[Symbol.asyncDispose]();
    await Promise.all([source?.stop(), target?.stop()]);
  });

  it('are made with passwords, rights and roles, as mariadb-dump writes them, and no secret is told', async () => {
    const told: unknown[] = [];
    const onProgress = (event: unknown) => void told.push(event);
    const restore = (replace = false) =>
      restoreUrl(repository, key, target.url('shop'), { special: { users: true }, onProgress, replace });
    // Without the plugin, the second user cannot be made.
    const error = await restore().catch((cause: unknown) => cause);
    expect(error).toMatchObject({
      code: 'E_SOURCE_FAILED',
      message: expect.stringContaining('`ed`@`localhost`'),
    });
    told.push(error, (error as Error).message, (error as Error).stack, JSON.stringify(error));
    await target.query(undefined, "INSTALL SONAME 'auth_ed25519'");
    const result = await restore(true);
    told.push(result);
    expect(await dumpUsers(target)).toEqual(
      (await dumpUsers(source)).filter((line) => !line.includes('`gone`')),
    );
    const text = JSON.stringify(told);
    expect(text).toContain('left out, as the server lacks what it names: GRANT SELECT ON `other`.`gone` TO');
    for (const hash of hashes) expect(text).not.toContain(hash);
    // Those of the login that restored are as they were.
    expect(
      await target.query(undefined, "SELECT Role FROM mysql.roles_mapping WHERE User = 'admin'"),
    ).toEqual(await source.query(undefined, "SELECT Role FROM mysql.roles_mapping WHERE User = 'admin'"));
  });

  it('that are there stay as they are, and are named if they differ', async () => {
    await target.query(undefined, "REVOKE UPDATE ON shop.* FROM ana@'%'");
    const before = await dumpUsers(target);
    const {
      plan: { warnings },
    } = await restoreUrl(repository, key, target.url('shop'), { special: { users: true }, replace: true });
    expect(await dumpUsers(target)).toEqual(before);
    expect(warnings.join('\n')).toMatch(/there already and stay as they are: .*`ana`@`%`/);
    expect(warnings.join('\n')).toMatch(/differ from the backup: .*`ana`@`%`/);
  });

  it('that the server takes no notice of are listed as left out', async () => {
    const named = (sql: string) => source.query(undefined, `${sql}; FLUSH PRIVILEGES`);
    await named("INSERT INTO mysql.global_priv VALUES ('db.example', 'named', '{}')");
    await using view = await openMysqlSource(source.url('shop'), { users: true }, {}).open(never);
    await named("DELETE FROM mysql.global_priv WHERE User = 'named'");
    expect(view.omitted).toContain(
      'the user `named`@`db.example`: the server takes no notice of it (skip_name_resolve)',
    );
  });

  it('are in no backup that was not asked for them, and a restore says so', async () => {
    const without = await backUpUrl(repository, source.url('shop'));
    await expect(
      restoreUrl(repository, without, target.url('shop'), { special: { users: true }, replace: true }),
    ).rejects.toMatchObject({ code: 'E_NO_DATASET', message: 'the backup holds no users' });
  });

  it('are refused to who may not read them, or may not make them', async () => {
    const rights = 'SELECT, SHOW VIEW, TRIGGER, EVENT, EXECUTE, CREATE, DROP, INSERT, ALTER';
    for (const server of [source, target])
      await server.query(
        undefined,
        `CREATE USER poor@'%' IDENTIFIED BY 'p'; GRANT ${rights} ON shop.* TO poor@'%'; GRANT SELECT ON mysql.proc TO poor@'%'`,
      );
    const { port } = source;
    const reading = openMysqlSource(`mysql://poor:p@127.0.0.1:${port}/shop`, { users: true }, {});
    await expect(reading.open(never)).rejects.toMatchObject({
      code: 'E_SOURCE_DENIED',
      message: 'the users of the server may not be read by this user',
    });
    await target.query(undefined, "GRANT SELECT ON mysql.* TO poor@'%'; DROP USER ana@'%'");
    await expect(
      restoreUrl(repository, key, `mysql://poor:p@127.0.0.1:${target.port}/shop`, {
        special: { users: true },
        replace: true,
      }),
    ).rejects.toMatchObject({
      code: 'E_SOURCE_DENIED',
      message: expect.stringMatching(/may not make users.*`ana`@`%`.*nothing was changed/),
    });
  });
});

/** As the server's own program writes them, but for the one who runs it, in any order. */
async function dumpUsers({ host, port, user, password }: MariadbServer): Promise<readonly string[]> {
  const { stdout } = await run('mariadb-dump', [
    '--no-defaults',
    '--system=users',
    `--host=${host}`,
    `--port=${port}`,
    `--user=${user}`,
    `--password=${password}`,
  ]);
  return (
    stdout
      .split('\n')
      .filter((line) => line !== '' && !line.startsWith('--') && !/[`']admin[`']@/.test(line))
      // Columns come in the order of a hash.
      .map((line) => line.replace('(`total`, `id`)', '(`id`, `total`)'))
      .toSorted()
  );
}
