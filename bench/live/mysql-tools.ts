import { existsSync } from 'node:fs';
import path from 'node:path';
import { bytesOf } from '../measure.ts';
import { seal, shell, unseal } from '../tools.ts';
import type { LiveTool } from './live-tools.ts';

export const MARIADB_DUMP_PIPELINE = 'mariadb-dump | zstd -3 | age';
const MYDUMPER_NAME = 'mydumper -t 2 --compress';
/** Without it one connection reads a table. */
const ROWS_A_FILE = 500_000;
const MYDUMPER = ['/usr/bin/mydumper', '/usr/bin/myloader'];

/** Those that are installed. They connect through the address that Holdfast uses too, without a file of options of the machine. */
export function mysqlTools(server: {
  readonly host: string;
  readonly port: number;
  readonly user: string;
  readonly password: string;
}): readonly LiveTool[] {
  const { host, port, user, password } = server;
  const login = `--no-defaults --host=${host} --port=${port} --user=${user}`;
  const env = { MYSQL_PWD: password };
  const dump = `mariadb-dump ${login} --single-transaction --quick --routines --events --triggers`;
  const pipeline: LiveTool = {
    name: MARIADB_DUMP_PIPELINE,
    init: (place) => ({ argv: shell(`mkdir '${place}/repository' && age-keygen -o '${place}/key'`) }),
    backup: (place, label, url) => ({
      argv: shell(`${dump} ${databaseOf(url)} | zstd -3 -c | ${seal(place, label)}`),
      env,
    }),
    restore: (place, label, url) => ({
      argv: shell(`${unseal(place, label)} | mariadb ${login} ${databaseOf(url)}`),
      env,
    }),
    storedBytes,
  };
  return [pipeline, ...(MYDUMPER.every((program) => existsSync(program)) ? [mydumper(server)] : [])];
}

/** Several connections at once, rows and tables in files of their own, not encrypted. */
function mydumper({ host, port, user, password }: Parameters<typeof mysqlTools>[0]): LiveTool {
  const login = `-h ${host} -P ${port} -u ${user} -p ${password} -t 2`;
  const folderOf = (place: string, label: string) => path.join(place, 'repository', label);
  return {
    name: MYDUMPER_NAME,
    init: (place) => ({ argv: ['mkdir', path.join(place, 'repository')] }),
    backup: (place, label, url) => ({
      argv: shell(
        `mydumper ${login} -B ${databaseOf(url)} --compress -R -E -G -r ${ROWS_A_FILE} -o '${folderOf(place, label)}'`,
      ),
    }),
    restore: (place, label, url) => ({
      argv: shell(`myloader ${login} -B ${databaseOf(url)} -o -d '${folderOf(place, label)}'`),
    }),
    storedBytes,
  };
}

function databaseOf(url: string): string {
  return decodeURIComponent(new URL(url).pathname.slice(1));
}

function storedBytes(place: string): number {
  return bytesOf(path.join(place, 'repository'));
}
