import { mkdirSync } from 'node:fs';
import path from 'node:path';
import { type Measured, measure } from './measure.ts';

/** A backup tool under test, with settings as its documents recommend, encrypted, zstd level 3 where it has one. */
export interface Tool {
  readonly name: string;
  readonly packages: string;
  version(): string[];
  init(folder: string): Promise<void>;
  backup(folder: string, file: string): Promise<Measured>;
  /** Restores the newest backup; gives the measure. The file is then at `restored(target, file)`. */
  restore(folder: string, target: string): Promise<Measured>;
  restored(target: string, file: string): string;
}

const HOLDFAST = [process.execPath, path.resolve('bin/holdfast.js')];
const KEY = '5a'.repeat(32);

const holdfast: Tool = {
  name: 'holdfast',
  packages: '',
  version: () => [...HOLDFAST, '--version'],
  async init(folder) {
    await measure([...HOLDFAST, 'init'], { env: holdfastEnv(folder) });
  },
  backup: (folder, file) =>
    measure([...HOLDFAST, 'backup', '--source', file, '--quiet'], { env: holdfastEnv(folder) }),
  restore: (folder, target) =>
    measure([...HOLDFAST, 'restore', 'latest', '--to', target, '--quiet'], { env: holdfastEnv(folder) }),
  restored: (target, file) => path.join(target, path.basename(file)),
};

function holdfastEnv(folder: string): Record<string, string> {
  return { HOLDFAST_REPOSITORY: path.join(folder, 'repository'), BACKUP_ENCRYPTION_KEY: KEY };
}

const restic: Tool = {
  name: 'restic',
  packages: 'restic',
  version: () => ['restic', 'version'],
  async init(folder) {
    await measure(['restic', 'init'], { env: resticEnv(folder) });
  },
  backup: (folder, file) => measure(['restic', 'backup', '--force', file], { env: resticEnv(folder) }),
  restore: (folder, target) =>
    measure(['restic', 'restore', 'latest', '--target', target], { env: resticEnv(folder) }),
  restored: (target, file) => path.join(target, file),
};

function resticEnv(folder: string): Record<string, string> {
  return {
    RESTIC_REPOSITORY: path.join(folder, 'repository'),
    RESTIC_CACHE_DIR: path.join(folder, 'cache'),
    RESTIC_PASSWORD: 'bench',
  };
}

const borg: Tool = {
  name: 'borg',
  packages: 'borgbackup',
  version: () => ['borg', '--version'],
  async init(folder) {
    await measure(['borg', 'init', '--encryption', 'repokey'], { env: borgEnv(folder) });
  },
  backup: (folder, file) =>
    measure(['borg', 'create', '--compression', 'zstd,3', '::{now:%s%f}', file], { env: borgEnv(folder) }),
  restore(folder, target) {
    mkdirSync(target, { recursive: true });
    const newest = 'borg extract "::$(borg list --last 1 --format "{archive}")"';
    return measure(['bash', '-c', newest], { env: borgEnv(folder), cwd: target });
  },
  restored: (target, file) => path.join(target, file),
};

function borgEnv(folder: string): Record<string, string> {
  return {
    BORG_REPO: path.join(folder, 'repository'),
    BORG_BASE_DIR: path.join(folder, 'base'),
    BORG_PASSPHRASE: 'bench',
  };
}

export const TOOLS: readonly Tool[] = [holdfast, restic, borg];
