import path from 'node:path';
import * as z from 'zod';
import { definePlugin, type SourceConfig } from '../../../shared/sources/plugin.ts';
import { commentOf, NOTES_SETTINGS, notesPath } from './config.ts';

/** A file of notes: the smallest database that has a plugin of its own. */
export const notesPlugin = definePlugin({
  kind: 'notes',
  displayName: 'Notes',
  urlExample: 'notes:PATH',
  isUrl: (url) => url.startsWith('notes:'),
  resolveUrl: (url, folder) => `notes:${path.resolve(folder, notesPath(url))}`,
  isOnDisk: true,
  settings: NOTES_SETTINGS,
  drillHint: "Name a folder for it: drill: { notes: { url: 'notes:/folder' } }, or --server notes:./folder.",
  exports: [{ format: 'ndjson', label: 'Notes, one a line', needsDataset: true }],
  restoreOptions: {
    /** Keep the file that is there under another name. */
    keepOld: {
      schema: z.boolean(),
      flag: 'keep-old',
      help: 'keep the file that is there as FILE.old',
      label: 'Keep the old file',
    },
  },
  openSource: async (config) => new (await import('./source.ts')).NotesSource(placeOf(config)),
  openTarget: async (config) => new (await import('./target.ts')).NotesTarget(placeOf(config)),
  openScratch: async ({ url }) =>
    new (await import('./scratch.ts')).NotesScratchServer(path.resolve(notesPath(url))),
  openChecks: async (config) => new (await import('./checks.ts')).NotesChecks(placeOf(config)),
  exporter: async () => (await import('./export.ts')).exportNotes,
});

function placeOf({ url, options }: SourceConfig) {
  return { file: path.resolve(notesPath(url)), comment: commentOf(options) };
}
