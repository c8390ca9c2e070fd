import { execFile } from 'node:child_process';
import { chmod, mkdir, readdir, readFile, symlink, writeFile } from 'node:fs/promises';
import path from 'node:path';
import { promisify } from 'node:util';
import type { PostgresServer } from '../../../../../tools/embedded-postgres.ts';
import { POSTGRES_15_BIN } from '../../../../support/run/part-places.ts';

const run = promisify(execFile);
const LARGE = { maxBuffer: 2 ** 30 };
/** Of Debian's server package. */
const PG_REGRESS = '/usr/lib/postgresql/15/lib/pgxs/src/test/regress/pg_regress';
/** What the tests load, as far as Debian builds it. */
const LIBRARIES = '/usr/lib/postgresql/15/lib';
const MODULES = ['autoinc.so', 'refint.so'];
/** Where Debian's archives are named: in lines, and in paragraphs. An image has one of the two, or both. */
const SOURCES = ['/etc/apt/sources.list', '/etc/apt/sources.list.d/debian.sources'];

/** Names of PostgreSQL's own tests. */
export interface RegressionTests {
  readonly passed: readonly string[];
  readonly failed: readonly string[];
}

/**
 * Fills the database `regression` of a server as PostgreSQL's own tests do, which pg_upgrade is tested with too. Its
 * source comes from Debian's archive by apt, for this run alone. Some of its tests fail, as the module of C functions that they
 * need is not built, or the archive's source is of another minor release; what they had made by then is there.
 *
 * @param folder an empty one, which the server's user may read
 */
export async function makeRegressionDatabase(
  server: PostgresServer,
  folder: string,
): Promise<RegressionTests> {
  const tests = await fetchRegressionTests(folder);
  const output = path.join(folder, 'output');
  // The server writes there too.
  await mkdir(path.join(output, 'results'), { recursive: true });
  for (const module of MODULES) await symlink(path.join(LIBRARIES, module), path.join(folder, module));
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
  return readResults(await readFile(path.join(output, 'regression.out'), 'utf8'));
}

/** Lines such as `test tablespace ... ok 403 ms`, and `     boolean ... FAILED 33 ms` of a group. */
function readResults(text: string): RegressionTests {
  const results = [...text.matchAll(/^(?:test)? +([\w.]+) +\.\.\. (ok|FAILED|failed \(ignored\))/gm)];
  const of = (isOk: boolean) =>
    results.filter(([, , result]) => (result === 'ok') === isOk).map(([, name = '']) => name);
  return { passed: of(true), failed: of(false) };
}

/** @returns the folder of the tests */
async function fetchRegressionTests(folder: string): Promise<string> {
  const entries = path.join(folder, 'sources');
  const lists = path.join(folder, 'lists');
  await mkdir(path.join(lists, 'partial'), { recursive: true });
  await mkdir(entries);
  await chmod(folder, 0o777);
  for (const file of SOURCES) {
    const text = await readFile(file, 'utf8').catch(() => '');
    await writeFile(path.join(entries, `debian${path.extname(file)}`), ofSources(text));
  }
  const apt = [
    '-qq',
    '-o',
    'Dir::Etc::sourcelist=/dev/null',
    '-o',
    `Dir::Etc::sourceparts=${entries}`,
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

/** The same archives, for what packages are made from. */
function ofSources(text: string): string {
  return text.replace(/^Types:.*$/gm, 'Types: deb-src').replace(/^deb(?=\s)/gm, 'deb-src');
}

/** A plain dump, with the rows of each table in an order of their own. */
export function withSortedRows(dump: string): string {
  return dump.replace(/^(COPY .* FROM stdin;\n)((?:.*\n)*?)(\\\.\n)/gm, (_, head, rows: string, end) => {
    const lines = rows.split('\n').filter((line) => line !== '');
    return `${head}${lines.toSorted().join('\n')}\n${end}`;
  });
}
