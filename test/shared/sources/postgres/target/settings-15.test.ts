import { afterAll, beforeAll, expect } from 'vitest';
import { runDrill } from '../../../../../shared/jobs/drill/drill.ts';
import { openScratch } from '../../../../../shared/jobs/source/adapters.ts';
import type { Repository } from '../../../../../shared/repository/repository.ts';
import type { PostgresServer } from '../../../../../tools/embedded-postgres.ts';
import { describeWithPart } from '../../../../support/parts.ts';
import { ownPostgres } from '../../../../support/postgres.ts';
import { never } from '../../../../support/repository/engine.ts';
import { isTorture, sample, tortureTimeoutMs, turnOfAll } from '../../../../support/repository/torture.ts';
import { everythingSql } from '../source/reading.ts';
import {
  asOptions,
  HOSTILE,
  hostileLocale,
  LEVELS,
  type Level,
  LOADING,
  PLAIN,
  set,
  withOptions,
} from './hostile-settings.ts';
import { backUpUrl, exportSql, nativeDump, newRepository, psql, restoreUrl } from './round-trip.ts';
import { TYPED } from './typed-database.ts';

const it = turnOfAll(3);

describeWithPart('postgresql-15', 'hostile settings, judged by native pg_dump 15', () => {
  let plain: PostgresServer;
  let hostile: PostgresServer;
  let repository: Repository;
  const settings: Record<string, string> = { ...HOSTILE };

  beforeAll(async () => {
    plain = await ownPostgres(15);
    Object.assign(settings, await hostileLocale(plain));
    const lines = Object.entries(settings).map(([name, value]) => [name, `'${value}'`]);
    hostile = await ownPostgres(15, { settings: Object.fromEntries(lines) });
    for (const server of [plain, hostile])
      await server.query(
        'postgres',
        `SET search_path = public; CREATE ROLE hostile SUPERUSER LOGIN PASSWORD '${server.password}'`,
      );
    repository = await newRepository();
  });
  afterAll(async () => {
    await repository?.[Symbol.asyncDispose]();
    await Promise.all([plain?.stop(), hostile?.stop()]);
  });

  const dump = (url: string) => nativeDump(withOptions(url, asOptions(PLAIN)));

  const scopes = {
    'role in database': (database: string) => `ROLE hostile IN DATABASE ${database}`,
    database: (database: string) => `DATABASE ${database}`,
    role: () => 'ROLE hostile',
  };

  /** Three databases, the first with contents, and how the login of that level sees each. */
  async function prepare(name: string, level: Level, values: Readonly<Record<string, string>>) {
    const server = level === 'server' ? hostile : plain;
    const names = [name, `${name}_restored`, `${name}_exported`];
    for (const one of names) await server.createDatabase(one);
    // A check of theirs holds in the time zone that they were loaded with: of the source's sessions, as pg_dump's script needs too.
    const loading = { ...LOADING, TimeZone: values['TimeZone'] ?? 'UTC' };
    const load = (sql: string) => psql(withOptions(server.url(name), asOptions(loading)), sql);
    await load(TYPED);
    if (isTorture) await load(await everythingSql());
    if (level !== 'server') for (const one of names) await set(server, scopes[level](one), values);
    const as = (url: string) => (level.startsWith('role') ? url.replace('//postgres:', '//hostile:') : url);
    const [source = '', restored = '', exported = ''] = names.map((one) => server.url(one));
    return { source, restored, exported, as, maintenance: as(server.url()) };
  }

  async function check(name: string, level: Level, values: Readonly<Record<string, string>>) {
    const { source, restored, exported, as, maintenance } = await prepare(name, level, values);
    const { key } = await backUpUrl(repository, as(source));
    const { comparison } = await restoreUrl(repository, key, as(restored));
    expect(comparison.filter(({ equal }) => !equal)).toEqual([]);
    const wanted = await dump(source);
    expect(await dump(restored)).toBe(wanted);
    const elsewhere = await plain.createDatabase(`${name}_elsewhere`);
    await restoreUrl(repository, key, elsewhere);
    expect(await dump(elsewhere)).toBe(wanted);

    const scratch = await openScratch({ kind: 'postgres', url: maintenance, options: {} }, {});
    const drill = await runDrill(repository, key, scratch, { signal: never });
    expect(drill).toMatchObject({ outcome: 'equal', schema: { outcome: 'equal' }, error: undefined });

    await psql(as(exported), await exportSql(repository, key));
    expect(await dump(exported)).toBe(wanted);
  }

  it.each(isTorture ? LEVELS : sample(LEVELS.slice(0, 2), 1))(
    'of the %s change nothing that is backed up, restored, drilled or exported',
    (level) => check(level.replaceAll(' ', '_'), level, settings),
    tortureTimeoutMs,
  );

  it.runIf(isTorture).each(Object.entries(HOSTILE))(
    '%s = %s alone changes nothing',
    (name, value) => check(`only_${name.toLowerCase()}`, 'database', { [name]: value }),
    tortureTimeoutMs,
  );

  it('hide no difference that pg_dump sees', async () => {
    const { source, restored, as } = await prepare('spoilt', 'role in database', settings);
    const { key } = await backUpUrl(repository, as(source));
    await plain.query(
      'spoilt_restored',
      `CREATE FUNCTION spoil() RETURNS event_trigger LANGUAGE plpgsql SET search_path = public AS $$ BEGIN
         UPDATE typed SET list = ARRAY['NULL', 'NULL', E'a\\b"c'] WHERE id = 7;
         UPDATE typed SET at = at + '1 microsecond' WHERE id = 8;
         UPDATE typed SET f8 = f8 * (1 + 1e-15::float8) WHERE id = 9;
       END $$;
       CREATE EVENT TRIGGER spoil ON ddl_command_end WHEN TAG IN ('CREATE INDEX') EXECUTE FUNCTION spoil();
       ALTER EVENT TRIGGER spoil ENABLE ALWAYS`,
    );
    await expect(restoreUrl(repository, key, as(restored))).rejects.toMatchObject({
      code: 'E_RESTORE_DIFFERS',
      message: expect.stringContaining('public.typed (3 records missing, 3 unexpected)'),
    });
    expect(await dump(restored)).not.toBe(await dump(source));
  }, 60_000);

  it('leave a target alone that is read only, and say how to write there; a drill has a database of its own', async () => {
    const readOnly = { TimeZone: 'Pacific/Chatham', default_transaction_read_only: 'on' };
    const { source, restored, as, maintenance } = await prepare('guarded', 'role in database', readOnly);
    await plain.query('postgres', 'ALTER ROLE hostile SET default_transaction_read_only = on');
    const { key } = await backUpUrl(repository, as(source));
    const before = await dump(restored);
    await expect(restoreUrl(repository, key, as(restored))).rejects.toMatchObject({
      details: { sqlState: '25006' },
      hint: expect.stringContaining('default_transaction_read_only=off'),
    });
    expect(await dump(restored)).toBe(before);
    const scratch = await openScratch({ kind: 'postgres', url: maintenance, options: {} }, {});
    const drill = await runDrill(repository, key, scratch, { signal: never });
    expect(drill).toMatchObject({ outcome: 'equal', error: undefined });
    await restoreUrl(repository, key, withOptions(as(restored), '-c default_transaction_read_only=off'));
    expect(await dump(restored)).toBe(await dump(source));
  }, 60_000);
});
