import { mkdtemp, rm } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import path from 'node:path';
import { afterAll, beforeAll, expect, it } from 'vitest';
import { type MariadbServer, startMariadb } from '../../tools/mariadb-server.ts';
import { moveMoney, totalOf } from '../shared/sources/mysql/money.ts';
import { nativeDump } from '../shared/sources/mysql/round-trip.ts';
import { type AwsRig, startAwsRig } from '../support/aws/aws-rig.ts';
import { backupMachine, execute } from '../support/aws/local-step-functions.ts';
import { type RdsLike, rdsLike } from '../support/aws/rds-like.ts';
import { describeInTurn } from '../support/parts.ts';

const describeWithParts = describeInTurn(4, 6);
const TIMEOUT_MS = 400_000;
const TABLES = ['north', 'south'] as const;
/** The accounts of money.ts, and others that make each table large enough for a share of its own. */
const ROWS = 40_000;
const ACCOUNTS = 40;

const machine = backupMachine({});

/** A user as RDS gives it: no lock on the whole server. */
const RIGHTS = 'SELECT, SHOW VIEW, TRIGGER, EVENT, EXECUTE, LOCK TABLES';

function bankSql(): string {
  return TABLES.map(
    (name) => `CREATE TABLE ${name} (id INT PRIMARY KEY, amount INT NOT NULL, filler VARCHAR(600) NOT NULL);
      INSERT INTO ${name} SELECT seq, IF(seq < ${ACCOUNTS}, 1000, 0), REPEAT(MD5(seq), 16) FROM seq_0_to_${ROWS - 1};
      ANALYZE TABLE ${name}`,
  ).join(';');
}

describeWithParts(
  ['ceph-rgw', 'mariadb', 'runtime-client', 'openssl'],
  'a scheduled backup of MariaDB, by the synthesised state machine and the bundles, of a server like RDS',
  () => {
    let rds: RdsLike;
    let rig: AwsRig;
    let server: MariadbServer;
    let certificates: string;
    beforeAll(async () => {
      rds = await rdsLike();
      certificates = await mkdtemp(path.join(tmpdir(), 'holdfast-mariadb-tls-'));
      await rds.server.prepare(certificates);
      const at = (file: string) => path.join(certificates, file);
      server = await startMariadb({
        settings: {
          'ssl-cert': at('server.crt'),
          'ssl-key': at('server.key'),
          'innodb-file-per-table': '1',
        },
      });
      rig = await startAwsRig({ rds });
      await server.query(undefined, 'CREATE DATABASE bank; CREATE DATABASE vault');
      await server.query('bank', bankSql());
      await server.query(
        undefined,
        `CREATE USER clerk@'%' IDENTIFIED BY 'horse' REQUIRE SSL; GRANT ${RIGHTS} ON bank.* TO clerk@'%';
         CREATE USER keeper@'%' IDENTIFIED BY 'horse' REQUIRE SSL; GRANT ALL ON vault.* TO keeper@'%'`,
      );
      const secret = (name: string, user: string, database: string) =>
        rig.aws.addSecret(name, `mysql://${user}:horse@${rds.host}:${server.port}/${database}`);
      rig.configure({
        sources: { bank: { kind: 'mysql', secret: secret('bank', 'clerk', 'bank'), readers: 2 } },
        targets: { vault: { kind: 'mysql', secret: secret('vault', 'keeper', 'vault') } },
        aws: { shareMiB: 16 },
      });
    }, TIMEOUT_MS);
    afterAll(async () => {
      await rig?.[Symbol.asyncDispose]();
      await server?.stop();
      await rds?.[Symbol.asyncDispose]();
      if (certificates !== undefined) await rm(certificates, { recursive: true, force: true });
    });

    const restored = async (backup: unknown) =>
      rig.invoke('restore', { backup, to: 'vault', replace: true, requestedBy: 'ana@shop.example' });

    it(
      'sees one moment in all functions while money moves, and is restored by a function; at rest, mariadb-dump finds no difference',
      async () => {
        {
          await using moving = await moveMoney(server, 'bank', { tables: TABLES, pauseMs: 5 });
          const input = { source: 'bank', type: 'daily', scheduledTime: '2026-11-26T02:00:00Z' };
          const { outcome, states, events } = await execute(machine, input, { rig, id: 'busy' });
          expect(moving.moved()).toBeGreaterThan(0);
          expect({ outcome, events }).toMatchObject({
            outcome: 'succeeded',
            events: [{ type: 'Backup Succeeded' }],
          });
          expect(states.filter((state) => state === 'BackupPartition').length).toBe(TABLES.length);
          expect(await restored(events[0]?.detail['backup'])).toMatchObject({ outcome: 'equal' });
        }
        const all = TABLES.map((name) => `SELECT amount FROM ${name}`).join(' UNION ALL ');
        const [row] = await server.query('vault', `SELECT SUM(amount) AS sum FROM (${all}) AS a`);
        expect(Number(row?.['sum'])).toBe(totalOf(TABLES));

        const quiet = await execute(machine, { source: 'bank', type: 'manual' }, { rig, id: 'quiet' });
        expect(quiet.outcome).toBe('succeeded');
        expect(await restored('latest:bank')).toMatchObject({ outcome: 'equal' });
        expect(await nativeDump(server, 'vault')).toBe(await nativeDump(server, 'bank'));
      },
      TIMEOUT_MS,
    );
  },
);
