import { readdir, stat } from 'node:fs/promises';
import path from 'node:path';
import { HoldfastError } from '../../core/errors.ts';
import {
  type Check,
  type CheckOptions,
  differs,
  holds,
  runChecks,
  type SourceCheck,
  type SourceChecks,
} from '../source-checks.ts';
import { FilesSource } from './source.ts';

const MOST_NAMED = 5;

/** Checks whether files can be backed up. */
export class FilesChecks implements SourceChecks {
  readonly kind = 'files';
  readonly name: string;
  readonly #root: string;

  constructor(root: string) {
    this.#root = path.resolve(root);
    this.name = new FilesSource(root).name;
  }

  run(options: CheckOptions): AsyncIterable<SourceCheck> {
    return runChecks(CHECKS, { root: this.#root }, options);
  }
}

const CHECKS: readonly Check<{ readonly root: string }>[] = [
  {
    name: 'reach',
    onlyFor: 'backup',
    assumes: 'The file or folder exists, and every file in it can be read.',
    neededFor: 'backup',
    follows: 'No backup can be made.',
    look: async ({ root }, signal) => {
      await using view = await new FilesSource(root).open(signal);
      if (view.datasets.length > 0) return holds(`${view.datasets.length} files`);
      throw new HoldfastError('E_EMPTY_READ', `${root} holds no files`);
    },
  },
  {
    name: 'only-files',
    onlyFor: 'backup',
    assumes: 'It holds nothing but files and folders.',
    neededFor: 'information',
    follows: 'Links, sockets and devices are not in a backup.',
    needs: 'reach',
    look: async ({ root }) => {
      if (!(await stat(root)).isDirectory()) return holds('one file');
      const found = await readdir(root, { recursive: true, withFileTypes: true });
      const others = found.filter((entry) => !entry.isFile() && !entry.isDirectory());
      if (others.length === 0) return holds('none of another kind');
      const named = others.slice(0, MOST_NAMED).map(({ parentPath, name }) => path.join(parentPath, name));
      return differs(`${others.length} of another kind: ${named.join(', ')}`);
    },
  },
];
