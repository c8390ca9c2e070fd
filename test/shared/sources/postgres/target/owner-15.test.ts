import { afterAll, beforeAll, expect } from 'vitest';
import { runDrill } from '../../../../../shared/jobs/drill/drill.ts';
import { openScratch } from '../../../../../shared/jobs/source/adapters.ts';
import type { Repository } from '../../../../../shared/repository/repository.ts';
import type { PostgresServer } from '../../../../../tools/embedded-postgres.ts';
import { describeWithPart } from '../../../../support/parts.ts';
import { ownPostgres } from '../../../../support/postgres.ts';
import { never } from '../../../../support/repository/engine.ts';
import { isTorture, sample, tortureTimeoutMs, turnOfAll } from '../../../../support/repository/torture.ts';
import {
  asOptions,
  HOSTILE,
  hostileLocale,
  LEVELS,
  type Level,
  LOADING,
  PLAIN,
  withOptions,
} from './hostile-settings.ts';
import { OWNED } from './owned-database.ts';
import { backUpUrl, exportSql, nativeDump, newRepository, psql, restoreUrl } from './round-trip.ts';
import { TYPED } from './typed-database.ts';

const it = turnOfAll(4);

type Settings = Readonly<Record<string, string>>;

/** What the login sets itself, as any role may, for itself and for a database that it owns. */
const OWN = Object.fromEntries(
  Object.entries({ ...HOSTILE, default_tablespace: 'elsewhere' }).filter(
    ([name]) => name !== 'session_replication_role',
  ),
);
/** What only a superuser may set: it was set before, and a session of the login cannot set it back. */
const IMPOSED = {
  session_replication_role: 'replica',
  lo_compat_privileges: 'on',
  zero_damaged_pages: 'on',
  ignore_checksum_failure: 'on',
};
const SERVER = { allow_in_place_tablespaces: 'on' };
/** Whose objects a database has: of the login that backs it up and restores it, or of other roles. */
const OWNERS = ['its own', "others'"] as const;
const NO_PRIVILEGES = ['--no-owner', '--no-privileges'];
const NO_ROLES = { noOwner: true, noPrivileges: true } as const;

interface Matrix {
  readonly level: Level;
  readonly owner?: (typeof OWNERS)[number];
  readonly own: Settings;
  readonly imposed: Settings;
}

describeWithPart(
  'postgresql-15',
  'an owner of one database, under hostile settings, judged by native pg_dump 15',
  () => {
    let plain: PostgresServer;
    let hostile: PostgresServer;
    const all: Record<string, string> = { ...OWN };
    let repository: Repository;

    beforeAll(async () => {
      plain = await ownPostgres(15, { settings: SERVER });
      Object.assign(all, await hostileLocale(plain));
      const lines = Object.entries({ ...all, ...IMPOSED }).map(([name, value]) => [name, `'${value}'`]);
      hostile = await ownPostgres(15, { settings: { ...SERVER, ...Object.fromEntries(lines) } });
      for (const server of [plain, hostile]) {
        const make = (sql: string) => server.query('postgres', sql);
        await make(
          `CREATE ROLE clerk NOSUPERUSER NOCREATEROLE NOCREATEDB LOGIN PASSWORD '${server.password}'`,
        );
        await make('CREATE ROLE maker; CREATE ROLE watcher');
        await make("CREATE TABLESPACE elsewhere LOCATION ''");
        await make('GRANT CREATE ON TABLESPACE elsewhere TO clerk, maker');
      }
      repository = await newRepository();
    });
    afterAll(async () => {
      await repository?.[Symbol.asyncDispose]();
      await Promise.all([plain?.stop(), hostile?.stop()]);
    });

    const as = (url: string) => url.replace('//postgres:', '//clerk:');
    const dump = (url: string, ...flags: string[]) =>
      nativeDump(withOptions(url, asOptions(PLAIN)), ...flags);

    /** An empty database that the login owns. @returns its connection string, for a superuser */
    async function give(server: PostgresServer, name: string): Promise<string> {
      const url = await server.createDatabase(name);
      await server.query('postgres', `ALTER DATABASE ${name} OWNER TO clerk`);
      return url;
    }

    async function set(database: string, level: Level, own: Settings, imposed: Settings): Promise<void> {
      if (level === 'server') return;
      const scopes = {
        'role in database': `ROLE clerk IN DATABASE ${database}`,
        database: `DATABASE ${database}`,
        role: 'ROLE clerk',
      };
      const statements = (values: Settings) =>
        Object.entries(values).map(([name, value]) => `ALTER ${scopes[level]} SET ${name} = '${value}';\n`);
      await psql(withOptions(as(plain.url(database)), asOptions(LOADING)), statements(own).join(''));
      await plain.query('postgres', statements(imposed).join(''));
    }

    const unset = (level: Level) =>
      level === 'role' ? plain.query('postgres', 'ALTER ROLE clerk RESET ALL') : undefined;

    /** A source and three targets, and the login's settings at that level. */
    async function prepare(
      name: string,
      { level, owner = 'its own', own, imposed }: Matrix,
    ): Promise<{ readonly server: PostgresServer; readonly urls: readonly string[] }> {
      const server = level === 'server' ? hostile : plain;
      const names = [name, `${name}_restored`, `${name}_exported`];
      const urls: string[] = [];
      for (const one of names) urls.push(await give(server, one));
      const [source = ''] = urls;
      const loading = { ...LOADING, TimeZone: own['TimeZone'] ?? 'UTC' };
      const load = (url: string, sql: string) => psql(withOptions(url, asOptions(loading)), sql);
      if (owner === 'its own') await load(as(source), TYPED + OWNED);
      else {
        await server.query(
          name,
          `GRANT CREATE ON DATABASE ${name} TO maker; GRANT CREATE ON SCHEMA public TO maker; CREATE EXTENSION hstore SCHEMA public`,
        );
        await load(source, `SET ROLE maker;\n${TYPED}${OWNED}`);
        await server.query(
          name,
          'GRANT pg_read_all_data TO clerk; GRANT SELECT ON LARGE OBJECT 424301, 424302 TO clerk',
        );
      }
      for (const one of names) await set(one, level, own, imposed);
      return { server, urls };
    }

    async function drill(key: Parameters<typeof runDrill>[1], server: PostgresServer) {
      await server.query('postgres', 'ALTER ROLE clerk CREATEDB');
      const scratch = await openScratch({ kind: 'postgres', url: as(server.url()), options: {} }, {});
      const result = await runDrill(repository, key, scratch, { signal: never, keep: true });
      await server.query('postgres', 'ALTER ROLE clerk NOCREATEDB');
      expect(result).toMatchObject({ outcome: 'equal', schema: { outcome: 'equal' }, error: undefined });
      const database = /[^/]+$/.exec(result.target ?? '')?.[0] ?? '';
      const dumped = await dump(server.url(database), ...NO_PRIVILEGES);
      await server.query('postgres', `DROP DATABASE "${database}"`);
      return dumped;
    }

    async function check(name: string, matrix: Matrix): Promise<void> {
      const { server, urls } = await prepare(name, matrix);
      const [source = '', restored = '', exported = ''] = urls;
      const isOwn = matrix.owner !== "others'";
      const flags = isOwn ? [] : NO_PRIVILEGES;
      const wanted = await dump(source, ...flags);
      await server.query('postgres', `ALTER ROLE clerk ${isOwn ? 'NO' : ''}BYPASSRLS`);
      const { key } = await backUpUrl(repository, as(source));
      await server.query('postgres', 'ALTER ROLE clerk NOBYPASSRLS');
      const options = isOwn ? { noOwner: true } : NO_ROLES;
      const { comparison } = await restoreUrl(repository, key, as(restored), options);
      expect(comparison.filter(({ equal }) => !equal)).toEqual([]);
      expect(comparison.length).toBeGreaterThan(5);
      expect(await dump(restored, ...flags)).toBe(wanted);
      const unprivileged = await dump(source, ...NO_PRIVILEGES);
      if (isTorture) {
        // Default privileges of the target are given to what is made there, as with pg_restore.
        await restoreUrl(repository, key, as(restored), { ...options, replace: true });
        expect(await dump(restored, ...NO_PRIVILEGES)).toBe(unprivileged);
        const elsewhere = await give(plain, `${name}_elsewhere`);
        await restoreUrl(repository, key, as(elsewhere), options);
        expect(await dump(elsewhere, ...flags)).toBe(wanted);
      }
      expect(await drill(key, server)).toBe(unprivileged);

      // Statements that give objects to other roles fail there, as with pg_dump's own script.
      const session = isOwn ? '' : '-c exit_on_error=off';
      await psql(withOptions(as(exported), session), await exportSql(repository, key), { goOn: !isOwn });
      expect(await dump(exported, ...flags)).toBe(wanted);
      await unset(matrix.level);
    }

    it.each(
      sample(
        (isTorture ? LEVELS : LEVELS.slice(0, 1)).flatMap((level) =>
          OWNERS.map((owner) => ({ level, owner })),
        ),
        1,
      ),
    )(
      'back up, restore, drill and export $owner objects under settings of the $level',
      async ({ level, owner }) => {
        const name = `${level.replaceAll(' ', '_')}_${owner === 'its own' ? 'own' : 'other'}`;
        await check(name, { level, owner, own: all, imposed: IMPOSED });
      },
      tortureTimeoutMs,
    );

    it.runIf(isTorture).each(Object.entries({ ...OWN, ...IMPOSED }))(
      '%s = %s alone changes nothing',
      async (name, value) => {
        const [own, imposed] = name in IMPOSED ? [{}, { [name]: value }] : [{ [name]: value }, {}];
        await check(`only_${name.toLowerCase()}`, { level: 'database', own, imposed });
      },
      tortureTimeoutMs,
    );

    it('see the difference that pg_dump sees', async () => {
      const matrix = { level: 'role in database', own: all, imposed: IMPOSED } as const;
      const { urls } = await prepare('spoilt', matrix);
      const [source = '', restored = ''] = urls;
      const { key } = await backUpUrl(repository, as(source));
      await plain.query(
        'spoilt_restored',
        `CREATE FUNCTION spoil() RETURNS event_trigger LANGUAGE plpgsql SET search_path = public AS $$ BEGIN
         UPDATE typed SET f8 = f8 * (1 + 1e-15::float8) WHERE id = 9;
         PERFORM lo_put(424301, 0, 'y');
       END $$;
       CREATE EVENT TRIGGER spoil ON ddl_command_end WHEN TAG IN ('CREATE INDEX') EXECUTE FUNCTION spoil();
       ALTER EVENT TRIGGER spoil ENABLE ALWAYS`,
      );
      await expect(restoreUrl(repository, key, as(restored), { noOwner: true })).rejects.toMatchObject({
        code: 'E_RESTORE_DIFFERS',
        message: expect.stringMatching(
          /public\.typed \(1 records? missing, 1 unexpected\), large object data \(1 /,
        ),
      });
      expect(await dump(restored)).not.toBe(await dump(source));
    }, 60_000);
  },
);
