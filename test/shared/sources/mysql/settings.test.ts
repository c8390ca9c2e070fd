import { afterAll, beforeAll, expect, it } from 'vitest';
import type { BackupKey } from '../../../../shared/core/ids.ts';
import { runDrill } from '../../../../shared/jobs/drill/drill.ts';
import type { Repository } from '../../../../shared/repository/repository.ts';
import { openMysqlScratch } from '../../../../shared/sources/mysql/scratch.ts';
import { openMysqlSource } from '../../../../shared/sources/mysql/source.ts';
import type { MariadbServer } from '../../../../tools/mariadb-server.ts';
import { type Reading, readSource } from '../../../contract/reading.ts';
import { describeWithMysql, openTestServer } from '../../../support/mysql-server.ts';
import { never } from '../../../support/repository/engine.ts';
import { sample, sampleInFull } from '../../../support/repository/torture.ts';
import { backUpUrl, checksums, nativeDump, newRepository, restoreUrl } from './round-trip.ts';

const MODES =
  'ANSI,NO_BACKSLASH_ESCAPES,PAD_CHAR_TO_FULL_LENGTH,STRICT_ALL_TABLES,NO_ZERO_DATE,NO_ZERO_IN_DATE,TRADITIONAL,ORACLE,EMPTY_STRING_IS_NULL';
/** What a session begins with: each changes what somebody reads or writes who does not set it. */
const SETTINGS: readonly (readonly [name: string, value: string])[] = [
  ['sql_mode', `'${MODES}'`],
  ['time_zone', "'-07:30'"],
  ['autocommit', '0'],
  ['tx_isolation', "'READ-UNCOMMITTED'"],
  ['sql_select_limit', '1'],
  ['sql_auto_is_null', '1'],
  ['character_set_client', "'latin1'"],
  ['character_set_results', "'sjis'"],
  ['character_set_server', "'ucs2'"],
  ['collation_connection', "'utf8mb4_czech_ci'"],
  ['completion_type', "'RELEASE'"],
  ['sql_quote_show_create', '0'],
  ['max_statement_time', '0.5'],
  ['system_versioning_asof', "'2020-01-01 00:00:00'"],
  ['div_precision_increment', '0'],
  ['sql_safe_updates', '1'],
  ['explicit_defaults_for_timestamp', '0'],
  ['old_mode', "''"],
  ['auto_increment_increment', '7'],
  ['check_constraint_checks', '0'],
  ['innodb_default_row_format', "'compact'"],
];
const WORK = ['backup', 'restore', 'drill'] as const;
const PAIRS = SETTINGS.flatMap(([name, value]) => WORK.map((work) => ({ name, value, work })));

const DATABASE = `
  CREATE TABLE a (id INT PRIMARY KEY AUTO_INCREMENT, t TIMESTAMP(6) NULL, u TIMESTAMP NOT NULL DEFAULT CURRENT_TIMESTAMP, d DATE, c CHAR(5), s VARCHAR(9), f FLOAT, n INT NOT NULL DEFAULT 3, CHECK (n < 100));
  SET sql_mode = 'NO_AUTO_VALUE_ON_ZERO', time_zone = '+00:00';
  INSERT INTO a VALUES (0, '2024-10-27 01:30:00.5', '2024-01-01', '0000-00-00', 'x', 'a\\\\b''"', 0.1, 1), (5, '1970-01-01 00:00:01', '2024-01-01', '2024-00-00', '', 'é', 1e30, 2);
  CREATE TABLE h (id INT PRIMARY KEY) WITH SYSTEM VERSIONING; INSERT INTO h VALUES (1); UPDATE h SET id = 2;
  CREATE TABLE old (a TEXT) CHARACTER SET utf8mb3; INSERT INTO old VALUES ('é');
  CREATE VIEW v AS SELECT CONCAT('a', 'b') AS c, id FROM a; CREATE PROCEDURE p() SELECT "text", 'a' || 'b';
  CREATE EVENT e ON SCHEDULE EVERY 1 DAY STARTS '2037-01-01 03:00:00' DO DELETE FROM a WHERE id < 0`;

describeWithMysql('no setting of a server changes what is backed up, restored or drilled', () => {
  let server: MariadbServer;
  let repository: Repository;
  let key: BackupKey;
  let mild: Reading;
  let dump: string;
  beforeAll(async () => {
    server = await openTestServer();
    repository = await newRepository();
    await renew('set_from');
    await server.query('set_from', DATABASE);
    key = await backUpUrl(repository, server.url('set_from'));
    mild = await readSource(openMysqlSource(server.url('set_from'), {}, {}), { schema: true });
    dump = await nativeDump(server, 'set_from');
  });
  afterAll(async () => {
    await repository?.[Symbol.asyncDispose]();
    await server?.stop();
  });

  const renew = (name: string) =>
    server.query(
      undefined,
      `DROP DATABASE IF EXISTS ${name}; CREATE DATABASE ${name} CHARACTER SET latin1 COLLATE latin1_bin`,
    );

  it.each(sampleInFull(sample(PAIRS, 5), 20))('$name = $value × $work', async ({ name, value, work }) => {
    await renew('set_to');
    await server.query(undefined, `SET GLOBAL ${name} = ${value}`);
    try {
      if (work === 'drill') {
        const scratch = openMysqlScratch(server.url(''), {}, {});
        const drill = await runDrill(repository, key, scratch, { signal: never });
        expect(drill).toMatchObject({ outcome: 'equal', schema: { outcome: 'equal' } });
        return;
      }
      const used =
        work === 'restore'
          ? key
          : await backUpUrl(repository, server.url('set_from')).finally(async () => {
              const hostile = await readSource(openMysqlSource(server.url('set_from'), {}, {}), {
                schema: true,
              });
              expect(hostile.datasets).toEqual(mild.datasets);
            });
      await restoreUrl(repository, used, server.url('set_to'));
    } finally {
      await server.query(undefined, `SET GLOBAL ${name} = DEFAULT`);
    }
    expect(await nativeDump(server, 'set_to')).toBe(dump);
    expect(await checksums(server, 'set_to')).toEqual(await checksums(server, 'set_from'));
  });
});
