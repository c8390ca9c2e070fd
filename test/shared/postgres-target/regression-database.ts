import { execFile } from 'node:child_process';
import { chmod, mkdir, readdir, readFile, writeFile } from 'node:fs/promises';
import path from 'node:path';
import { promisify } from 'node:util';
import type { PostgresServer } from '../../../tools/embedded-postgres.ts';
import { POSTGRES_15_BIN } from '../../support/parts.ts';

const run = promisify(execFile);
const LARGE = { maxBuffer: 2 ** 30 };
/** Of Debian's server package. */
const PG_REGRESS = '/usr/lib/postgresql/15/lib/pgxs/src/test/regress/pg_regress';
/** Where Debian says what its packages are made from. */
const DEBIAN_SOURCES = '/etc/apt/sources.list.d/debian.sources';

/**
 * Fills the database `regression` of a server as PostgreSQL's own tests do, which pg_upgrade is tested with too. Its
 * source comes from Debian's archive by apt, for this run alone. Some of its tests fail, as the module of C functions that they
 * need is not built; what they had made by then is there.
 *
 * @param folder an empty one, which the server's user may read
 */
export async function makeRegressionDatabase(server: PostgresServer, folder: string): Promise<void> {
  const tests = await fetchRegressionTests(folder);
  const output = path.join(folder, 'output');
  await mkdir(output);
  await run('chmod', ['-R', 'a+rwX', folder]);
  const options = {
    host: server.host,
    port: String(server.port),
    user: server.user,
    dbname: 'regression',
    inputdir: tests,
    outputdir: output,
    bindir: POSTGRES_15_BIN,
    dlpath: folder,
    schedule: path.join(tests, 'parallel_schedule'),
    'max-connections': '6',
  };
  const args = Object.entries(options).map(([name, value]) => `--${name}=${value}`);
  const env = { ...process.env, PGPASSWORD: server.password };
  // It exits with 1 where one test differs.
  await run(PG_REGRESS, args, { env, ...LARGE }).catch(() => {});
}

/** @returns the folder of the tests */
async function fetchRegressionTests(folder: string): Promise<string> {
  const entries = path.join(folder, 'from.sources');
  const lists = path.join(folder, 'lists');
  await mkdir(path.join(lists, 'partial'), { recursive: true });
  await chmod(folder, 0o777);
  await writeFile(
    entries,
    (await readFile(DEBIAN_SOURCES, 'utf8')).replace(/^Types:.*$/gm, 'Types: deb-src'),
  );
  const apt = [
    '-qq',
    '-o',
    `Dir::Etc::sourcelist=${entries}`,
    '-o',
    'Dir::Etc::sourceparts=-',
    '-o',
    `Dir::State::lists=${lists}`,
  ];
  await run('apt-get', [...apt, 'update'], LARGE);
  const { stdout } = await run('apt-cache', [...apt.slice(1), 'showsrc', 'postgresql-15'], LARGE);
  const versions = [...stdout.matchAll(/^Version: (\S+)$/gm)].map(([, version = '']) => version);
  for (const version of versions) {
    // An archive may have dropped a version that its index still names.
    await run('apt-get', [...apt, 'source', '--download-only', `postgresql-15=${version}`], {
      cwd: folder,
      ...LARGE,
    }).catch(() => {});
  }
  const archive = (await readdir(folder)).find((name) => name.includes('.orig.tar.'));
  if (archive === undefined) throw new Error(`no source of PostgreSQL 15 among ${versions.join(', ')}`);
  await run('tar', ['xf', archive, '--wildcards', '*/src/test/regress/*'], { cwd: folder });
  const made = (await readdir(folder)).find((name) => /^postgresql-15\.\d+$/.test(name)) ?? '';
  return path.join(folder, made, 'src/test/regress');
}

/** A plain dump, with the rows of each table in an order of their own. */
export function withSortedRows(dump: string): string {
  return dump.replace(/^(COPY .* FROM stdin;\n)((?:.*\n)*?)(\\\.\n)/gm, (_, head, rows: string, end) => {
    const lines = rows.split('\n').filter((line) => line !== '');
    return `${head}${lines.toSorted().join('\n')}\n${end}`;
  });
}
