import { existsSync } from 'node:fs';
import path from 'node:path';
import { bytesOf, type Command } from '../measure.ts';
import { run, seal, shell, unseal } from '../tools.ts';
import type { LiveTool } from './live-tools.ts';

const DEBIAN = '/usr/lib/postgresql';
const NEWEST = 20;
/** Its psql and pgbench load the data, whatever version the server is. */
export const LOADING_BIN = path.join(DEBIAN, '15', 'bin');
export const PG_DUMP_CUSTOM = 'pg_dump -Fc';
export const PG_DUMP_FOLDER = 'pg_dump -Fd -j 2';
export const PG_DUMP_PIPELINE = 'pg_dump | zstd -3 | age';

/** Reads rows and nothing else, as whatever dumps a database must: for servers that no installed pg_dump reads. */
export const COPY_PIPELINE = 'COPY by psql | zstd -3 | age';
const COPIES = `SELECT format('COPY %s TO STDOUT;', oid::regclass) FROM pg_class
  WHERE relkind = 'r' AND relnamespace = 'public'::regnamespace`;

/** Folder of a pg_dump that reads a server of that version: it refuses newer ones than itself. */
function dumpBin(major: number): string | undefined {
  for (let version = major; version <= NEWEST; version++) {
    const bin = path.join(DEBIAN, String(version), 'bin');
    if (existsSync(path.join(bin, 'pg_dump'))) return bin;
  }
  return undefined;
}

/** pg_dump in the ways that it is used; if no installed one reads a server of that version, what reads its rows. */
export function postgresTools(major: number): readonly LiveTool[] {
  const bin = dumpBin(major);
  if (bin === undefined) return [copies()];
  const help = run({ argv: [path.join(bin, 'pg_dump'), '--help'] });
  // From version 16 on.
  const zstd = help.includes('--compress=METHOD') ? ' --compress=zstd:3' : '';
  return [
    archive(PG_DUMP_CUSTOM, bin, `-Fc${zstd}`),
    archive(PG_DUMP_FOLDER, bin, `-Fd -j 2${zstd}`),
    pipeline(bin),
  ];
}

/** A format of its own, restored by pg_restore. */
function archive(name: string, bin: string, flags: string): LiveTool {
  return {
    name,
    init: (place) => ({ argv: ['mkdir', path.join(place, 'repository')] }),
    backup: (place, label, url) =>
      withUrl(url, `${bin}/pg_dump -d "$DATABASE_URL" ${flags} -f '${place}/repository/${label}.dump'`),
    restore: (place, label, url) =>
      withUrl(url, `${bin}/pg_restore --jobs 2 -d "$DATABASE_URL" '${place}/repository/${label}.dump'`),
    storedBytes,
  };
}

function pipeline(bin: string): LiveTool {
  return {
    name: PG_DUMP_PIPELINE,
    init: (place) => ({ argv: shell(`mkdir '${place}/repository' && age-keygen -o '${place}/key'`) }),
    backup: (place, label, url) =>
      withUrl(url, `${bin}/pg_dump -d "$DATABASE_URL" | zstd -3 -c | ${seal(place, label)}`),
    restore: (place, label, url) =>
      withUrl(url, `${unseal(place, label)} | ${bin}/psql -q -v ON_ERROR_STOP=1 -d "$DATABASE_URL"`),
    storedBytes,
  };
}

function copies(): LiveTool {
  const psql = `${LOADING_BIN}/psql -q -v ON_ERROR_STOP=1 -d "$DATABASE_URL"`;
  const statements = `echo 'BEGIN ISOLATION LEVEL REPEATABLE READ;'; ${psql} -At -c "${COPIES}"`;
  return {
    ...pipeline(LOADING_BIN),
    name: COPY_PIPELINE,
    backup: (place, label, url) =>
      withUrl(url, `(${statements}) | ${psql} | zstd -3 -c | ${seal(place, label)}`),
    restore: undefined,
  };
}

function withUrl(url: string, script: string): Command {
  return { argv: shell(script), env: { DATABASE_URL: url } };
}

function storedBytes(place: string): number {
  return bytesOf(path.join(place, 'repository'));
}
