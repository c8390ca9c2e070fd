import { afterAll, beforeAll } from 'vitest';
import type { MariadbServer } from '../../tools/mariadb-server.ts';
import { describeWithMysql, openTestServer } from '../support/mysql-server.ts';
import { sample } from '../support/repository/torture.ts';
import { describeChecks } from './describe-checks.ts';
import { MYSQL, openDatabase } from './places/mysql.ts';
import { scratchServerChecks, sourceChecks, targetChecks } from './suites.ts';

describeWithMysql('contracts', () => {
  let server: MariadbServer;
  beforeAll(async () => {
    server = await openTestServer();
  });
  afterAll(() => server?.stop());

  const open = () => openDatabase(server);
  describeChecks('Source contract: mysql', sample(sourceChecks(MYSQL, open), 7));
  describeChecks('Target contract: mysql', sample(targetChecks(MYSQL, open), 5));
  describeChecks('ScratchServer contract: mysql', sample(scratchServerChecks(MYSQL, open), 3));
});
