import { HoldfastError } from '../../core/errors.ts';
import type { Importer } from '../../sources/import.ts';
import type { SourceKind } from '../../sources/source-kind.ts';
import type { Exporter } from '../../sources/target.ts';
import { knownKind } from '../source/adapters.ts';

/** What makes files of backups, and backups of files. Apart from the adapters: who restores needs neither. */
interface Transfers {
  exporter(): Promise<Exporter>;
  importer(): Promise<Importer>;
}

/** By kind of source, as in `adapters.ts`. Loaded when used. */
const TRANSFERS: Readonly<Record<SourceKind, Transfers>> = {
  files: {
    exporter: async () => {
      throw new HoldfastError('E_USAGE', 'a backup of files has no export format', {
        hint: 'Restore it to a folder: `holdfast restore KEY --to ./folder`.',
      });
    },
    importer: async () => {
      throw new HoldfastError('E_USAGE', 'backups of files cannot be imported', {
        hint: 'Name the Firebase database that the file is an export of: --source https://NAME.firebaseio.com.',
      });
    },
  },
  'firebase-rtdb': {
    exporter: async () => (await import('../../sources/firebase-rtdb/export.ts')).exportFirebase,
    importer: async () => (await import('../../sources/firebase-rtdb/import.ts')).importFirebase,
  },
  postgres: {
    exporter: async () => (await import('../../sources/postgres/export.ts')).exportPostgres,
    importer: async () => {
      throw new HoldfastError('E_USAGE', 'backups of PostgreSQL cannot be imported', {
        hint: 'Restore the dump into a database, and back that up.',
      });
    },
  },
};

/** @throws E_SOURCE_UNSUPPORTED for a kind that this release does not know, E_USAGE for one without exports */
export async function exporterFor(kind: string): Promise<Exporter> {
  return TRANSFERS[knownKind(kind)].exporter();
}

/** @throws E_USAGE for a kind that has no files to import */
export async function importerFor(kind: SourceKind): Promise<Importer> {
  return TRANSFERS[kind].importer();
}
