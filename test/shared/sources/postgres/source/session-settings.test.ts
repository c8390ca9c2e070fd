import { afterAll, beforeAll, describe, expect, it, onTestFinished } from 'vitest';
import { parsePostgresOptions } from '../../../../../shared/sources/postgres/connection/options.ts';
import { sessionSettings } from '../../../../../shared/sources/postgres/connection/session-settings.ts';
import { openSession } from '../../../../../shared/sources/postgres/snapshot/session.ts';
import type { PostgresServer } from '../../../../../tools/embedded-postgres.ts';
import { ownPostgres } from '../../../../support/postgres.ts';
import { HOSTILE, set } from '../target/hostile-settings.ts';
import { never } from './reading.ts';

const TIMEOUTS = {
  statement_timeout: '60000',
  lock_timeout: '1',
  idle_in_transaction_session_timeout: '60000',
  idle_session_timeout: '60000',
  transaction_timeout: '60000',
};
const FOR_SUPERUSERS = ['session_replication_role', 'zero_damaged_pages', 'ignore_checksum_failure'];

describe('the settings of a session', () => {
  let server: PostgresServer;
  beforeAll(async () => {
    server = await ownPostgres(18);
    await server.createDatabase('shop');
    for (const [role, right] of [
      ['root', 'SUPERUSER'],
      ['clerk', 'NOSUPERUSER'],
    ] as const) {
      await server.query('postgres', `CREATE ROLE ${role} ${right} LOGIN PASSWORD '${server.password}'`);
      const damage = {
        zero_damaged_pages: 'on',
        ignore_checksum_failure: 'on',
        icu_validation_level: 'error',
      };
      const relations = { restrict_nonsystem_relation_kind: 'foreign-table' };
      await set(server, `ROLE ${role} IN DATABASE shop`, {
        ...HOSTILE,
        ...damage,
        ...relations,
        ...TIMEOUTS,
      });
    }
  });
  afterAll(() => server?.stop());

  it.each([
    ['read', 'root'],
    ['write', 'root'],
    ['read', 'clerk'],
    ['write', 'clerk'],
  ] as const)('to %s as %s are ours, whatever the role sets', async (use, role) => {
    const options = parsePostgresOptions(server.url('shop').replace('//postgres:', `//${role}:`), {}, {});
    const client = await openSession(options, never, { use });
    onTestFinished(() => client.end());
    const wanted = Object.entries(sessionSettings(options, use)).filter(
      ([name]) => role === 'root' || !FOR_SUPERUSERS.includes(name),
    );
    const sql = 'SELECT setting FROM pg_settings WHERE lower(name) = lower($1)';
    for (const [name, value] of wanted) {
      const { rows } = await client.query<{ setting: string }>(sql, [name]);
      expect(rows[0]?.setting.toLowerCase().split(', ')[0], name).toBe(value.toLowerCase().split(', ')[0]);
    }
    expect((await client.query('SHOW client_encoding')).rows).toEqual([{ client_encoding: 'UTF8' }]);
  });
});
