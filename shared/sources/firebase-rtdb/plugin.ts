import { HoldfastError } from '../../core/errors.ts';
import { definePlugin, type SourceConfig } from '../plugin.ts';
import { wholeUrl } from '../rds/secret.ts';
import { FIREBASE_DRILL_SETTINGS, FIREBASE_SETTINGS } from './config.ts';
import { withFirebaseKeyFile } from './connection/key-file.ts';
import { IMPORT_FORMATS } from './import/formats.ts';
import { FIREBASE_RESTORE_OPTIONS } from './restore/options.ts';

/** Of the service, or on this machine. */
const URL_FORM =
  /^(firebase-rtdb:)?https?:\/\/([^/?#]+\.(firebaseio\.com|firebasedatabase\.app)|localhost|127\.\d+\.\d+\.\d+|\[::1\])(:\d+)?([/?#]|$)/;
const OF_SERVICE = /^https:\/\/[^/?#@]+\.(firebaseio\.com|firebasedatabase\.app)([/?#]|$)/;

/** Firebase Realtime Database. */
export const firebasePlugin = definePlugin({
  kind: 'firebase-rtdb',
  displayName: 'Firebase',
  urlExample: 'https://NAME.firebaseio.com',
  isUrl: (url) => URL_FORM.test(url),
  settings: FIREBASE_SETTINGS,
  drillSettings: FIREBASE_DRILL_SETTINGS,
  drillHint:
    "Name a database for it: drill: { 'firebase-rtdb': { url: 'https://NAME.firebaseio.com' } }, or --server env:NAME.",
  sourceVariable: 'FIREBASE_DATABASE_URL',
  fallbackVariable: { name: 'DATABASE_URL', isMeant: (url) => OF_SERVICE.test(url) },
  environmentIn: withFirebaseKeyFile,
  deployFlag: {
    name: 'firebase',
    help: 'of a Firebase Realtime Database',
    example: 'https://game.firebaseio.com',
  },
  fromSecret: (secret) =>
    secret.text.startsWith('{')
      ? { url: secret.url, env: { FIREBASE_SERVICE_ACCOUNT: secret.text } }
      : { url: wholeUrl(secret) },
  exports: [
    { format: 'json', label: 'JSON (Firebase imports it)' },
    { format: 'ndjson', label: 'JSON, a record a line' },
  ],
  imports: {
    formats: IMPORT_FORMATS,
    help: `FILE is an export from its console, output of \`firebase database:get / --export\`, or a backup of the system
that Holdfast replaces (original): \`{metadata, data}\`, with or without gzip, with or without its encryption.`,
    placeOf,
    load: async () => (await import('./import.ts')).importFirebase,
  },
  restoreOptions: FIREBASE_RESTORE_OPTIONS,
  openSource: async ({ url, options }, env) =>
    (await import('./source.ts')).openFirebaseSource(url, options, env),
  openTarget: async ({ url, options }, env) =>
    (await import('./target.ts')).openFirebaseTarget(url, options, env),
  openScratch: async ({ url, options }, env) =>
    (await import('./scratch.ts')).openFirebaseScratch(url, options, env),
  openChecks: async ({ url, options }, env) =>
    (await import('./checks.ts')).openFirebaseChecks(url, options, env),
  exporter: async () => (await import('./export.ts')).exportFirebase,
  rowReader: async () => (await import('./rows.ts')).readFirebaseRows,
  queryReader: async () => (await import('./query.ts')).queryFirebase,
});

/** A file is of one database. */
function placeOf(place: SourceConfig): SourceConfig {
  if (place.options['instances'] === undefined)
    return { ...place, options: { ...place.options, auth: 'none' } };
  throw new HoldfastError('E_USAGE', 'the source has several instances, but a file comes from one database', {
    hint: 'Name that database: --source https://NAME.firebaseio.com.',
  });
}
