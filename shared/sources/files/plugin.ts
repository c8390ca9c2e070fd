import path from 'node:path';
import { definePlugin } from '../plugin.ts';
import { FILES_SETTINGS, filePath } from './config.ts';
import { refuseNames } from './target-names.ts';

/** Text files of a folder; a folder takes backups of every kind. Any path is its: it stands last in the registry. */
export const filesPlugin = definePlugin({
  kind: 'files',
  displayName: 'Files',
  urlExample: 'a file or folder of text',
  isUrl: (url) => !/^[a-z][a-z0-9+.-]*:\/\//i.test(url),
  resolveUrl: (url, folder) => path.resolve(folder, filePath(url)),
  isOnDisk: true,
  settings: FILES_SETTINGS,
  drillHint:
    "Name a folder on an encrypted disk: drill: { files: { url: '/folder' } }, or --server ./folder.",
  takesEveryKind: true,
  checkNames: refuseNames,
  openSource: async ({ url }) => new (await import('./source.ts')).FilesSource(filePath(url)),
  openTarget: async ({ url }) => new (await import('./target.ts')).FilesTarget(filePath(url)),
  openScratch: async ({ url }) => new (await import('./scratch.ts')).FilesScratchServer(filePath(url)),
  openChecks: async ({ url }) => new (await import('./checks.ts')).FilesChecks(filePath(url)),
});
