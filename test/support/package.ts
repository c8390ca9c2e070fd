import { execFileSync } from 'node:child_process';
import { createHash } from 'node:crypto';
import { mkdirSync, readdirSync, readFileSync, statSync, symlinkSync } from 'node:fs';
import path from 'node:path';

const PLACE = path.resolve('node_modules/.cache/holdfast-package');
/** What is published depends on these. */
const SOURCES = [
  'bin',
  'cli',
  'console',
  'docs',
  'infra',
  'lambdas',
  'shared',
  'test/contract',
  'tools',
  'CHANGELOG.md',
  'package-lock.json',
  'package.json',
  'tsconfig.build.json',
];

let packed: string | undefined;

/** What is published, as npm makes it: once for each state of the sources, whatever number of test files ask for it at a time. */
export function tarball(): string {
  packed ??= pack();
  return packed;
}

function pack(): string {
  const into = path.join(PLACE, stateOfSources());
  mkdirSync(into, { recursive: true });
  const { version } = JSON.parse(readFileSync('package.json', 'utf8'));
  const made = path.join(into, `holdfast-${version}.tgz`);
  const command =
    'test -e "$1" || { rm -rf "$2.making" && mkdir "$2.making" && npm pack --pack-destination "$2.making" && mv "$2.making"/*.tgz "$1"; }';
  execFileSync('flock', [path.join(PLACE, 'lock'), 'sh', '-c', command, 'sh', made, into], {
    env: { ...process.env, npm_config_loglevel: 'error' },
    stdio: ['ignore', 'ignore', 'inherit'],
  });
  return made;
}

function stateOfSources(): string {
  const hash = createHash('sha256');
  for (const file of SOURCES.flatMap(filesOf)) hash.update(file).update(readFileSync(file));
  return hash.digest('hex').slice(0, 16);
}

function filesOf(place: string): readonly string[] {
  if (statSync(place).isFile()) return [place];
  return readdirSync(place, { recursive: true, withFileTypes: true })
    .filter((entry) => entry.isFile() && !entry.parentPath.includes('__pycache__'))
    .map((entry) => path.join(entry.parentPath, entry.name))
    .toSorted();
}

/**
 * Installs it as `npm install` lays it out, with the project's own packages in the place of a registry's: those that the package
 * itself says it needs, and no other.
 *
 * @param others packages that the program has beside it
 */
export function install(into: string, others: readonly string[] = []): void {
  const modules = path.join(into, 'node_modules');
  const place = path.join(modules, 'holdfast');
  mkdirSync(place, { recursive: true });
  execFileSync('tar', ['xzf', tarball(), '-C', place, '--strip-components=1']);
  const { dependencies } = JSON.parse(readFileSync(path.join(place, 'package.json'), 'utf8'));
  for (const name of [...Object.keys(dependencies), ...others]) {
    mkdirSync(path.dirname(path.join(modules, name)), { recursive: true });
    symlinkSync(path.resolve('node_modules', name), path.join(modules, name));
  }
}

/** An installed program, by its path in `node_modules`, run in the folder. @returns what it printed */
export function run(into: string, program: string, ...args: readonly string[]): string {
  return runNode(into, [path.join(into, 'node_modules', program), ...args], {
    CDK_DISABLE_CLI_TELEMETRY: '1',
    CI: 'true',
  });
}

/** Node in the folder, with an environment of its own. @throws with what it printed if it fails */
export function runNode(
  into: string,
  args: readonly string[],
  env: Readonly<Record<string, string>> = {},
): string {
  return execFileSync(process.execPath, [...args], {
    cwd: into,
    env: { PATH: process.env['PATH'], HOME: into, ...env },
    encoding: 'utf8',
    stdio: ['ignore', 'pipe', 'pipe'],
  });
}

/** The command line, the compiler and CDK, by their paths in `node_modules`. */
export const HOLDFAST = 'holdfast/bin/holdfast.js';
export const TSC = 'typescript/bin/tsc';
export const CDK = 'aws-cdk/bin/cdk';
