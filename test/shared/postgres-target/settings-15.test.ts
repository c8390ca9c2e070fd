import { afterAll, beforeAll, expect, it } from 'vitest';
import { openScratch } from '../../../shared/jobs/adapters.ts';
import { runDrill } from '../../../shared/jobs/drill.ts';
import { exportBackup } from '../../../shared/jobs/export.ts';
import type { Repository } from '../../../shared/repository/repository.ts';
import { type PostgresServer, startPostgres } from '../../../tools/embedded-postgres.ts';
import { never } from '../../support/engine.ts';
import { describeWithPart, POSTGRES_15_BIN } from '../../support/parts.ts';
import { isTorture, tortureTimeoutMs } from '../../support/torture.ts';
import { everythingSql } from '../postgres-source/reading.ts';
import { asOptions, HOSTILE, PLAIN, set } from './hostile-settings.ts';
import { backUpUrl, nativeDump, newRepository, psql, restoreUrl } from './round-trip.ts';

/** Loaded with the time zone that the hostile settings have. */
const TYPED = `
  CREATE TYPE pair AS (at timestamptz, span interval);
  CREATE DOMAIN recent AS timestamptz CHECK (VALUE > '1999-12-31 12:00:00+00');
  CREATE TABLE typed (
    id int PRIMARY KEY, at timestamptz DEFAULT '2024-07-01 00:00:00+00', clock timetz, day date, span interval,
    f4 float4, f8 float8, bytes bytea, doc xml, price money DEFAULT '1.50'::numeric::money, list text[], numbers int[],
    during tstzrange, several tstzmultirange, pair pair, seen recent, note text DEFAULT E'a\\\\b''c',
    CONSTRAINT local_day CHECK (at::date = day), CONSTRAINT span_text CHECK (span <> '-1 2:03:04'));
  CREATE TABLE parts (at timestamptz NOT NULL, v float8) PARTITION BY RANGE (at);
  CREATE TABLE parts_old PARTITION OF parts FOR VALUES FROM (MINVALUE) TO ('2024-03-31 01:30:00+00');
  CREATE TABLE parts_new PARTITION OF parts FOR VALUES FROM ('2024-03-31 01:30:00+00') TO (MAXVALUE);
  CREATE INDEX late ON typed (id) WHERE at > '2024-03-31 01:30:00+00';
  CREATE VIEW never AS SELECT id FROM typed WHERE note = NULL::text;
  CREATE VIEW literals AS SELECT '-1 days +02:03:04'::interval AS span, '2024-02-03'::date AS day, E'a\\\\b' AS text,
    '\\x00ff'::bytea AS bytes, 0.1::float8 / 3 AS f, '2024-02-03 04:05:06+00'::timestamptz AS at, ARRAY['NULL', NULL] AS list;
  CREATE POLICY late ON typed USING (at > '2024-01-01 00:00:00+00');
  CREATE FUNCTION slashes() RETURNS text LANGUAGE sql AS $$ SELECT 'a\\b' $$;
  COMMENT ON FUNCTION slashes() IS E'one \\\\ backslash, it''s';
  COMMENT ON INDEX late IS E'one \\\\ backslash, it''s';
  CREATE MATERIALIZED VIEW days AS SELECT id, at::date AS day FROM typed;
  INSERT INTO typed SELECT i, t, t::timetz, t::date, make_interval(months => -i, days => i, secs => i * -1.5),
      i / 3.0, i / 7.0e-300, decode(md5(i::text), 'hex'), '<a/>text<b/>', i * 12345.67::numeric::money,
      ARRAY['NULL', NULL, E'a\\\\b"c'], ARRAY[i, NULL], tstzrange(t, t + '1 day'),
      tstzmultirange(tstzrange(t, t + '1 day')), ROW(t, '-1 days +02:03:04')::pair, t, E'\\\\N''\\n'
    FROM (SELECT i, '2024-03-29 13:00:00.123456+00'::timestamptz + i * '1 hour'::interval AS t FROM generate_series(1, 200) i) s;
  INSERT INTO parts SELECT at, f8 FROM typed;
`;

const LEVELS = ['role in database', 'server', 'database', 'role'] as const;
type Level = (typeof LEVELS)[number];

describeWithPart('postgresql-15', 'hostile settings, judged by native pg_dump 15', () => {
  let plain: PostgresServer;
  let hostile: PostgresServer;
  let repository: Repository;
  const settings: Record<string, string> = { ...HOSTILE };

  beforeAll(async () => {
    plain = await startPostgres({ bin: POSTGRES_15_BIN });
    for (const name of ['de_DE.utf8', 'C'])
      await plain
        .query('postgres', `SET lc_monetary = '${name}'`)
        .then(() => Object.assign(settings, name === 'C' ? {} : { lc_monetary: name, lc_numeric: name }))
        .catch(() => {});
    const lines = Object.entries(settings).map(([name, value]) => [name, `'${value}'`]);
    hostile = await startPostgres({ bin: POSTGRES_15_BIN, settings: Object.fromEntries(lines) });
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
    const loading = { ...PLAIN, TimeZone: 'Pacific/Chatham', search_path: 'public' };
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

    const blocks: Uint8Array[] = [];
    for await (const block of exportBackup(repository, key, { format: 'sql', signal: never }))
      blocks.push(Buffer.from(block));
    await psql(as(exported), Buffer.concat(blocks).toString('utf8'));
    expect(await dump(exported)).toBe(wanted);
  }

  it.each(isTorture ? LEVELS : LEVELS.slice(0, 2))(
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

function withOptions(url: string, options: string): string {
  return `${url}?options=${encodeURIComponent(options)}`;
}
