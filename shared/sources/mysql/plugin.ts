import * as z from 'zod';
import { definePlugin } from '../plugin.ts';
import { urlOfSecret } from '../rds/secret.ts';
import { comparePositions } from './changes/position.ts';
import { MYSQL_SETTINGS } from './config.ts';

/** MySQL, MariaDB and what speaks their protocol. */
export const mysqlPlugin = definePlugin({
  kind: 'mysql',
  displayName: 'MySQL',
  urlExample: 'mysql://…',
  isUrl: (url) => /^(mysql|mariadb):\/\//.test(url),
  settings: MYSQL_SETTINGS,
  drillHint: "Name a server for it: drill: { mysql: { url: 'mysql://…' } }, or --server env:NAME.",
  fromSecret: (secret) => ({
    url: urlOfSecret(secret, {
      scheme: 'mysql',
      engines: /^(mysql|mariadb|aurora|aurora-mysql)$/s,
      engine: 'mysql',
      port: 3306,
      database: '',
    }),
  }),
  isUrlInSecret: true,
  sharesSnapshots: true,
  examinedFor: ['backup', 'restore', 'drill'],
  exports: [
    { format: 'sql', label: 'SQL (the mysql client loads it)' },
    { format: 'csv', label: 'CSV', needsDataset: true },
    { format: 'ndjson', label: 'JSON, a record a line', needsDataset: true },
  ],
  restoreOptions: {
    /** Who becomes the definer of routines, views, triggers and events. */
    definer: {
      schema: z.string().min(1),
      flag: 'definer',
      argument: 'USER@HOST',
      help: 'make that user the definer of routines, views, triggers and events',
      label: 'Definer',
    },
    /** Make the users and roles of the backup that the target's server lacks. */
    users: {
      schema: z.boolean(),
      flag: 'users',
      help: 'also make the users and roles of the backup that the server lacks, with passwords and rights',
      isRefusedWhenMasked: true,
    },
  },
  openSource: async ({ url, options }, env) =>
    (await import('./source.ts')).openMysqlSource(url, options, env),
  openTarget: async ({ url, options }, env) =>
    (await import('./target.ts')).openMysqlTarget(url, options, env),
  openRowTarget: async ({ url, options }, env) =>
    (await import('./row-target.ts')).openMysqlRowTarget(url, options, env),
  openScratch: async ({ url, options }, env) =>
    (await import('./scratch.ts')).openMysqlScratch(url, options, env),
  openChecks: async ({ url, options }, env) =>
    (await import('./checks.ts')).openMysqlChecks(url, options, env),
  exporter: async () => (await import('./export.ts')).exportMysql,
  rowReader: async () => (await import('./rows.ts')).readMysqlRows,
  queryReader: async () => (await import('./query.ts')).queryMysql,
  factsReader: async () => (await import('./facts.ts')).readMysqlFacts,
  changes: {
    compare: comparePositions,
    openChanges: async ({ url, options }, env) =>
      (await import('./changes/stream.ts')).openMysqlChanges(url, options, env),
    openSetup: async ({ url, options }, env) =>
      (await import('./changes/setup.ts')).openMysqlSetup(url, options, env),
    openReplay: async ({ url, options }, env, replay) =>
      (await import('./changes/replay.ts')).openMysqlReplay(url, options, env, replay),
    isProvable: false,
    // 30,000 rows a second.
    replayBytesPerMs: 2000,
    decoder: async () => (await import('./changes/decoder.ts')).mysqlDecoder,
  },
  rowStatements: async () => (await import('./row-statements.ts')).mysqlRowStatements,
});
