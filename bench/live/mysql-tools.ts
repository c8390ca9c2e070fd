import path from 'node:path';
import { bytesOf } from '../measure.ts';
import { seal, shell, unseal } from '../tools.ts';
import type { LiveTool } from './live-tools.ts';

export const MARIADB_DUMP_PIPELINE = 'mariadb-dump | zstd -3 | age';

/** Connects through the address that Holdfast uses too, without a file of options of the machine. */
export function mysqlTools(server: {
  readonly host: string;
  readonly port: number;
  readonly user: string;
  readonly password: string;
}): readonly LiveTool[] {
  const { host, port, user, password } = server;
  const login = `--no-defaults --host=${host} --port=${port} --user=${user}`;
  const env = { MYSQL_PWD: password };
  const databaseOf = (url: string) => decodeURIComponent(new URL(url).pathname.slice(1));
  const dump = `mariadb-dump ${login} --single-transaction --quick --routines --events --triggers`;
  return [
    {
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
      storedBytes: (place) => bytesOf(path.join(place, 'repository')),
    },
  ];
}
