import * as z from 'zod';
import { definePlugin } from '../plugin.ts';
import { urlOfSecret } from '../rds/secret.ts';
import { comparePositions } from './changes/position.ts';
import { POSTGRES_SETTINGS } from './config.ts';

/** PostgreSQL. */
export const postgresPlugin = definePlugin({
  kind: 'postgres',
  displayName: 'PostgreSQL',
  urlExample: 'postgres://…',
  isUrl: (url) => /^postgres(ql)?:\/\//.test(url),
  settings: POSTGRES_SETTINGS,
  drillHint: "Name a server for it: drill: { postgres: { url: 'postgres://…' } }, or --server env:NAME.",
  fromSecret: (secret) => ({
    url: urlOfSecret(secret, {
      scheme: 'postgres',
      engines: /^(postgres.*|aurora-postgresql)$/s,
      engine: 'postgres',
      port: 5432,
      database: 'postgres',
    }),
  }),
  isUrlInSecret: true,
  sharesSnapshots: true,
  examinedFor: ['backup', 'restore', 'drill'],
  exports: [
    { format: 'sql', label: 'SQL (psql opens it)' },
    { format: 'csv', label: 'CSV', needsDataset: true },
    { format: 'ndjson', label: 'JSON, a record a line', needsDataset: true },
  ],
  restoreOptions: {
    /** Make the roles of the backup that the target's server lacks. */
    roles: {
      schema: z.boolean(),
      flag: 'roles',
      help: 'first make the roles of the backup that the server lacks, with memberships and settings',
      isRefusedWhenMasked: true,
    },
  },
  openSource: async ({ url, options }, env) =>
    (await import('./source.ts')).openPostgresSource(url, options, env),
  openTarget: async ({ url, options }, env) =>
    (await import('./target.ts')).openPostgresTarget(url, options, env),
  openRowTarget: async ({ url, options }, env) =>
    (await import('./row-target.ts')).openPostgresRowTarget(url, options, env),
  openScratch: async ({ url, options }, env) =>
    (await import('./scratch.ts')).openPostgresScratch(url, options, env),
  openChecks: async ({ url, options }, env) =>
    (await import('./checks.ts')).openPostgresChecks(url, options, env),
  exporter: async () => (await import('./export.ts')).exportPostgres,
  rowReader: async () => (await import('./rows.ts')).readPostgresRows,
  queryReader: async () => (await import('./query.ts')).queryPostgres,
  factsReader: async () => (await import('./facts.ts')).readPostgresFacts,
  changes: {
    compare: comparePositions,
    openChanges: async ({ url, options }, env) =>
      (await import('./changes/stream.ts')).openPostgresChanges(url, options, env),
    openSetup: async ({ url, options }, env) =>
      (await import('./changes/setup.ts')).openPostgresSetup(url, options, env),
    openReplay: async ({ url, options }, env, replay) =>
      (await import('./changes/replay.ts')).openPostgresReplay(url, options, env, replay),
    isProvable: true,
    // 40,000 rows a second.
    replayBytesPerMs: 5900,
    decoder: async () => (await import('./changes/decoder.ts')).postgresChangeDecoder,
  },
  rowStatements: async () => (await import('./row-statements.ts')).postgresRowStatements,
});
