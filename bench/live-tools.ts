import { writeFileSync } from 'node:fs';
import path from 'node:path';
import { POSTGRES_BIN } from './live-database.ts';
import { bytesOf, type Command } from './measure.ts';
import { configOf, HOLDFAST_KEY, run, seal, shell, unseal } from './tools.ts';

/** A way to back a database up and to bring it back. `place` is a folder of its own for each round. */
export interface LiveTool {
  readonly name: string;
  init(place: string): Command;
  backup(place: string, label: string, url: string): Command;
  restore(place: string, label: string, url: string): Command;
  /** Bytes of all backups so far. */
  storedBytes(place: string): number;
}

export function holdfastToFolder(program: string): LiveTool {
  const repositoryOf = (place: string) => path.join(place, 'repository');
  return {
    ...holdfast({ program, name: 'holdfast', repositoryOf }),
    storedBytes: (place) => bytesOf(repositoryOf(place)),
  };
}

/** @param env of programs that use `bucket` */
export function holdfastToS3(
  program: string,
  { bucket, env }: { readonly bucket: string; readonly env: Readonly<Record<string, string>> },
): LiveTool {
  const repositoryOf = (place: string) => `s3://${bucket}/${path.basename(path.dirname(place))}`;
  return holdfast({ program, name: 'holdfast, Ceph RGW', repositoryOf, env });
}

function holdfast(options: {
  readonly program: string;
  readonly name: string;
  readonly repositoryOf: (place: string) => string;
  readonly env?: Readonly<Record<string, string>>;
}): LiveTool {
  const { program, name, repositoryOf, env = {} } = options;
  const command = (place: string, args: readonly string[], url = ''): Command => ({
    argv: [program, ...args],
    env: {
      ...env,
      HOLDFAST_REPOSITORY: repositoryOf(place),
      BACKUP_ENCRYPTION_KEY: HOLDFAST_KEY,
      DATABASE_URL: url,
    },
  });
  return {
    name,
    init: (place) => {
      writeFileSync(configOf(place), JSON.stringify(ANY_LABEL));
      return command(place, ['init']);
    },
    backup: (place, label, url) =>
      command(
        place,
        ['backup', label, '--source', 'env:DATABASE_URL', '--config', configOf(place), '--quiet'],
        url,
      ),
    restore: (place, label, url) =>
      command(place, ['restore', 'latest', '--type', label, '--to', 'env:DATABASE_URL', '--quiet'], url),
    storedBytes: (place) => Number(JSON.parse(run(command(place, ['status', '--json']))).packBytes),
  };
}

/** A label is the type of a backup. */
const ANY_LABEL = { retention: { '*': 365 } };

const DUMP = `${POSTGRES_BIN}/pg_dump -d "$DATABASE_URL"`;

export const pgDumpCustom: LiveTool = {
  name: 'pg_dump -Fc',
  init: (place) => ({ argv: ['mkdir', path.join(place, 'repository')] }),
  backup: (place, label, url) => withUrl(url, `${DUMP} -Fc -f '${place}/repository/${label}.dump'`),
  restore: (place, label, url) =>
    withUrl(
      url,
      `${POSTGRES_BIN}/pg_restore --jobs 2 -d "$DATABASE_URL" '${place}/repository/${label}.dump'`,
    ),
  storedBytes: (place) => bytesOf(path.join(place, 'repository')),
};

export const pgDumpPipeline: LiveTool = {
  name: 'pg_dump | zstd -3 | age',
  init: (place) => ({ argv: shell(`mkdir '${place}/repository' && age-keygen -o '${place}/key'`) }),
  backup: (place, label, url) => withUrl(url, `${DUMP} | zstd -3 -c | ${seal(place, label)}`),
  restore: (place, label, url) =>
    withUrl(url, `${unseal(place, label)} | ${POSTGRES_BIN}/psql -q -v ON_ERROR_STOP=1 -d "$DATABASE_URL"`),
  storedBytes: pgDumpCustom.storedBytes,
};

function withUrl(url: string, script: string): Command {
  return { argv: shell(script), env: { DATABASE_URL: url } };
}
