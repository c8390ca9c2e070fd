import { execFileSync } from 'node:child_process';
import { mkdirSync, readFileSync, writeFileSync } from 'node:fs';
import path from 'node:path';
import { type Command, measure } from './measure.ts';

export interface BackupOptions {
  /** Read all of the file, though it looks unchanged. */
  readonly force?: boolean;
  /** When the backup is said to be made. */
  readonly at?: Date;
}

/**
 * A backup tool under test, with settings as its documents recommend, encrypted, zstd level 3 if it has one.
 */
export interface Tool {
  readonly name: string;
  /** Debian packages that bring it. */
  readonly packages: string;
  /** Stores only what it has not. */
  readonly deduplicates: boolean;
  readonly version: Command;
  /** @param place the tool's own folder; it keeps everything in `place/repository`, caches beside it */
  init(place: string): Command;
  /** @param label names the backup: lower-case letters, digits, `-` */
  backup(place: string, file: string, label: string, options?: BackupOptions): Command;
  restore(place: string, label: string, target: string): Command;
  /** Where a restore to `target` puts the file. */
  restored(target: string, file: string): string;
  /** Removes what is older than 30 days, and the bytes that only it needed; undefined if it cannot. */
  readonly expire: ((place: string) => Command) | undefined;
}

/** @param program of an installed package */
export function tools(program: string): readonly Tool[] {
  return [holdfast(program), restic, borg, pipeline];
}

export const HOLDFAST_KEY = '5a'.repeat(32);

/** With the options in the first line of bin/holdfast.js: `#!/usr/bin/env -S … node …`. */
export const NODE: readonly string[] = (readFileSync('bin/holdfast.js', 'utf8').split('\n', 1)[0] ?? '')
  .slice(2)
  .split(' ');

/**
 * As `forget --keep-daily 30` for backups of one day: all are made on the same one. Nothing else runs, so that what is
 * removed may be freed at once, as the others do.
 */
const RETENTION = {
  retention: { '*': 0 },
  keep: { last: 30 },
  prune: { unsafeNoGrace: true, maxSharePercent: 100 },
};

/** Its days for `'*'` let a label be the type of a backup. */
export function configOf(place: string): string {
  return path.join(place, 'holdfast.config.json');
}

function holdfast(program: string): Tool {
  const command = (place: string, ...args: string[]): Command => ({
    argv: [program, ...args, '--quiet'],
    env: { HOLDFAST_REPOSITORY: path.join(place, 'repository'), BACKUP_ENCRYPTION_KEY: HOLDFAST_KEY },
  });
  const canPrune = !run({ argv: [program, 'prune', '--help'] }).includes('Not in this release');
  return {
    name: 'holdfast',
    packages: '',
    deduplicates: true,
    version: { argv: [program, '--version'] },
    init(place) {
      writeFileSync(configOf(place), JSON.stringify(RETENTION));
      return command(place, 'init');
    },
    backup: (place, file, label) =>
      command(place, 'backup', label, '--source', file, '--config', configOf(place)),
    restore: (place, label, target) => command(place, 'restore', 'latest', '--type', label, '--to', target),
    restored: (target, file) => path.join(target, path.basename(file)),
    expire: canPrune ? (place) => command(place, 'prune', '--yes', '--config', configOf(place)) : undefined,
  };
}

const restic: Tool = {
  name: 'restic',
  packages: 'restic',
  deduplicates: true,
  version: { argv: ['restic', 'version'] },
  init: (place) => resticCommand(place, 'init'),
  backup: (place, file, label, { force = false, at } = {}) =>
    resticCommand(
      place,
      'backup',
      ...['--tag', label, ...(force ? ['--force'] : [])],
      ...(at ? ['--time', at.toISOString().slice(0, 19).replace('T', ' ')] : []),
      file,
    ),
  restore: (place, label, target) =>
    resticCommand(place, 'restore', 'latest', '--tag', label, '--target', target),
  restored: (target, file) => path.join(target, file),
  expire: (place) =>
    resticCommand(place, 'forget', '--group-by', 'host,paths', '--keep-daily', '30', '--prune'),
};

function resticCommand(place: string, ...args: string[]): Command {
  return {
    argv: ['restic', ...args],
    env: {
      RESTIC_REPOSITORY: path.join(place, 'repository'),
      RESTIC_CACHE_DIR: path.join(place, 'cache'),
      RESTIC_PASSWORD: 'bench',
    },
  };
}

const borg: Tool = {
  name: 'borg',
  packages: 'borgbackup',
  deduplicates: true,
  version: { argv: ['borg', '--version'] },
  init: (place) => borgCommand(place, 'borg init --encryption repokey'),
  backup: (place, file, label, { force = false, at } = {}) =>
    borgCommand(
      place,
      [
        'borg create --compression zstd,3',
        force ? '--files-cache disabled' : '',
        at ? `--timestamp ${at.toISOString().slice(0, 19)}` : '',
        `'::${label}' '${file}'`,
      ].join(' '),
    ),
  restore(place, label, target) {
    mkdirSync(target, { recursive: true });
    return { ...borgCommand(place, `borg extract '::${label}'`), cwd: target };
  },
  restored: (target, file) => path.join(target, file),
  expire: (place) => borgCommand(place, 'borg prune --keep-daily 30 && borg compact'),
};

function borgCommand(place: string, script: string): Command {
  return {
    argv: shell(script),
    env: {
      BORG_REPO: path.join(place, 'repository'),
      BORG_BASE_DIR: path.join(place, 'base'),
      BORG_PASSPHRASE: 'bench',
    },
  };
}

/** What people do without a backup tool: each backup is whole. */
const pipeline: Tool = {
  name: 'zstd | age',
  packages: 'zstd age',
  deduplicates: false,
  version: { argv: shell('zstd --version && echo "age $(age --version)"') },
  init: (place) => ({ argv: shell(`mkdir '${place}/repository' && age-keygen -o '${place}/key'`) }),
  backup: (place, file, label) => ({ argv: shell(`zstd -3 -c '${file}' | ${seal(place, label)}`) }),
  restore: (place, label, target) => ({
    argv: shell(`mkdir -p '${target}' && ${unseal(place, label)} >'${target}/restored'`),
  }),
  restored: (target) => path.join(target, 'restored'),
  expire: undefined,
};

/** The end of a pipeline that encrypts for the key of `place`. */
export function seal(place: string, label: string): string {
  return `age -r "$(age-keygen -y '${place}/key')" -o '${place}/repository/${label}.zst.age'`;
}

/** The beginning of a pipeline that has what `seal` stored, plain. */
export function unseal(place: string, label: string): string {
  return `age -d -i '${place}/key' '${place}/repository/${label}.zst.age' | zstd -dc`;
}

export function shell(script: string): string[] {
  return ['bash', '-c', `set -o pipefail; ${script}`];
}

/** What a short command prints. */
export function run({ argv: [program = '', ...args], env = {} }: Command): string {
  return execFileSync(program, args, {
    encoding: 'utf8',
    env: { ...process.env, ...env },
    stdio: ['ignore', 'pipe', 'ignore'],
  }).trim();
}

export function isThere(tool: Tool): boolean {
  try {
    run(tool.version);
    return true;
  } catch {
    return false;
  }
}

/** `- restic 0.14.0 …`, a line for each tool, and one for those that are missing. */
export function describeTools(known: readonly Tool[]): string {
  const present = known.filter(isThere).map(({ version }) => `- ${run(version).replaceAll('\n', ', ')}`);
  const missing = known.filter((tool) => !isThere(tool)).map(({ packages }) => packages);
  return [
    ...present,
    ...(missing.length > 0 ? [`- not run, not installed: ${missing.join(', ')}`] : []),
  ].join('\n');
}

/** An empty repository for each tool, in `place/NAME`. */
export async function newRepositories(tools: readonly Tool[], place: string): Promise<void> {
  for (const tool of tools) {
    mkdirSync(path.join(place, tool.name), { recursive: true });
    await measure(tool.init(path.join(place, tool.name)));
  }
}
