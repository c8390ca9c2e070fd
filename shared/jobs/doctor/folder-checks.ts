import { constants } from 'node:fs';
import { access, stat, statfs } from 'node:fs/promises';
import path from 'node:path';
import { fileURLToPath } from 'node:url';
import { bytes } from '../../core/human.ts';
import { GiB } from '../../core/units.ts';
import { differs, holds } from '../../sources/source-checks.ts';
import { NO_WORK, type StoreCheck } from './store-look.ts';

const LEAST_FREE_BYTES = GiB;

/** What a repository in a folder needs. */
export const FOLDER: readonly StoreCheck[] = [
  {
    name: 'store',
    assumes: 'The folder can be read and written, or made.',
    neededFor: 'backup',
    follows: NO_WORK,
    slow: { code: 'E_STORE_UNAVAILABLE', fix: 'Check whether the disk or network share responds.' },
    look: async (look) => {
      const folder = folderOf(look.config.repository);
      const there = await nearestThere(folder);
      try {
        await access(`${there}${path.sep}.`, constants.R_OK | constants.W_OK | constants.X_OK);
      } catch (error) {
        return differs(`${there} cannot be read and written (${(error as NodeJS.ErrnoException).code})`, {
          code: 'E_STORE_DENIED',
          fix: `Give this user the right to read and write ${there}, or name another folder.`,
        });
      }
      look.isMissing = there !== folder;
      return holds(there === folder ? folder : `${folder} does not exist yet, but can be made`);
    },
  },
  {
    name: 'room',
    assumes: 'There is space for backups.',
    neededFor: 'information',
    follows: 'Backups fail when the disk is full.',
    needs: 'store',
    look: async ({ config }) => {
      const { bavail, bsize } = await statfs(await nearestThere(folderOf(config.repository)));
      const free = bavail * bsize;
      if (free >= LEAST_FREE_BYTES) return holds(`${bytes(free)} free`);
      return differs(`${bytes(free)} free`, {
        code: 'E_STORE_FULL',
        fix: 'Free or add space, or let `holdfast prune` remove what retention no longer keeps.',
      });
    },
  },
];

function folderOf(repository: string): string {
  return path.resolve(/^file:/i.test(repository) ? fileURLToPath(repository) : repository);
}

/** The folder, or its nearest existing parent. */
async function nearestThere(folder: string): Promise<string> {
  for (let at = folder; ; at = path.dirname(at)) {
    const isThere = await stat(at).then(
      () => true,
      (error: NodeJS.ErrnoException) => error.code !== 'ENOENT',
    );
    if (isThere || at === path.dirname(at)) return at;
  }
}
