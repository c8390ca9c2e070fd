import { execFile } from 'node:child_process';
import path from 'node:path';
import { promisify } from 'node:util';
import { afterAll, beforeAll, expect } from 'vitest';
import { openPostgresSource } from '../../../../../shared/sources/postgres/source.ts';
import { displayName } from '../../../../../shared/sources/postgres/text/identifiers.ts';
import type { SourceView } from '../../../../../shared/sources/source.ts';
import type { PostgresServer } from '../../../../../tools/embedded-postgres.ts';
import { describeWithPart } from '../../../../support/parts.ts';
import { ownPostgres } from '../../../../support/postgres.ts';
import { turnOfAll } from '../../../../support/repository/torture.ts';
import { POSTGRES_15_BIN } from '../../../../support/run/part-places.ts';
import { everythingSql, never, readAll } from './reading.ts';

const test = turnOfAll(3);

const run = promisify(execFile);

describeWithPart('postgresql-15', 'PostgreSQL 15, judged by its own pg_dump', () => {
  let server: PostgresServer;
  let view: SourceView;

  beforeAll(async () => {
    server = await ownPostgres(15);
    const url = await server.createDatabase('everything');
    await server.query('everything', await everythingSql());
    view = await openPostgresSource(url, {}, {}).open(never);
  });
  afterAll(async () => {
    await view?.[Symbol.asyncDispose]();
    await server?.stop();
  });

  async function native(...args: readonly string[]): Promise<string> {
    const { stdout } = await run(path.join(POSTGRES_15_BIN, 'pg_dump'), [...args, server.url('everything')], {
      maxBuffer: 2 ** 26,
    });
    return stdout;
  }

  test.each(['pre-data', 'post-data'])('%s is what it writes', async (section) => {
    expect(statements(await readAll(view, section))).toEqual(
      statements(await native(`--section=${section}`, '--no-blobs')),
    );
  });

  test('every table’s rows are what it writes', async () => {
    const tables = new Map(
      [
        ...(await native('--data-only', '--no-blobs')).matchAll(
          /^COPY (.+?) (?:\(.*?\))? ?FROM stdin;\n(.*?)^\\\.\n/gms,
        ),
      ].map(([, name = '', rows = '']) => [name, rows]),
    );
    const names = view.datasets.filter(({ attributes }) => attributes['role'] === 'table');
    expect(tables.size).toBe(names.length);
    for (const { name, attributes } of names) {
      const { schema, table } = attributes as { schema: string; table: string };
      // pg_dump quotes keywords, dataset names do not.
      const native = tables.get(name) ?? tables.get(displayName(schema, table).replace(/\.(.*)/, '."$1"'));
      expect(await readAll(view, name), name).toBe(native);
    }
  });

  test('large objects are the bytes it writes', async () => {
    const written = new Map<string, string>();
    const text = await native('--data-only', '--exclude-table=*.*', '--blobs');
    for (const [, oid = '', body = ''] of text.matchAll(/lo_open\('(\d+)', \d+\);\n(.*?)lo_close/gs))
      written.set(oid, [...body.matchAll(/lowrite\(0, '\\x(\w*)'\)/g)].map(([, hex]) => hex).join(''));
    const ours = new Map([...written.keys()].map((oid) => [oid, '']));
    for (const line of (await readAll(view, 'large object data')).trimEnd().split('\n')) {
      const [oid = '', , bytes = ''] = line.split('\t');
      ours.set(oid, (ours.get(oid) ?? '') + bytes.slice('\\\\x'.length));
    }
    expect(written.size).toBe(4);
    expect(ours).toEqual(written);
  });

  test('sequences are set to what it sets', async () => {
    const native15 = [
      ...(await native('--data-only', '--no-blobs')).matchAll(/setval\('(.+)', (\d+|-\d+), (true|false)\)/g),
    ];
    const ours = (await readAll(view, 'sequence values')).trimEnd().split('\n');
    expect(ours.map((line) => line.split('\t').slice(2).join(' ')).sort()).toEqual(
      native15.map(([, , value, called]) => `${value} ${called === 'true' ? 't' : 'f'}`).sort(),
    );
  });
});

/**
 * Lines that count, without what differs by the version of pg_dump alone: comments, spelling of OWNER TO for
 * what is not a table, ALL written out for servers that lack one privilege, settings of newer servers.
 */
function statements(dump: string): readonly string[] {
  return dump
    .split('\n')
    .filter((line) => line !== '' && !line.startsWith('--') && !/^\\(un)?restrict \w{20,}$/.test(line))
    .map((line) =>
      line
        .replace(/^ALTER (SEQUENCE|VIEW|MATERIALIZED VIEW) (.* OWNER TO )/, 'ALTER TABLE $2')
        .replace(/^ALTER FOREIGN TABLE ONLY /, 'ALTER FOREIGN TABLE ')
        .replace('SELECT,INSERT,REFERENCES,DELETE,TRIGGER,TRUNCATE,UPDATE ON TABLE', 'ALL ON TABLE')
        .replace(', streaming = off', '')
        .replace(/^(ALTER DEFAULT PRIVILEGES .*) {2}(TO|FROM) /, '$1 $2 '),
    );
}
