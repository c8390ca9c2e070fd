import type { DatasetRole } from './datasets-attributes.ts';
import type { PostgresOptions } from './options.ts';
import { runPgDump } from './pg-dump-run.ts';
import type { Snapshot } from './snapshot.ts';
import { openSession, type ServerVersion } from './snapshot-session.ts';

export type SchemaRole = Extract<DatasetRole, 'pre-data' | 'post-data' | 'database'>;

/**
 * What makes pg_dump write the part. `database` is what `--create` adds: taking a schema in and out again
 * leaves nothing else. Large objects come apart (large-objects.ts), else pg_dump would list each.
 */
const ARGS: Readonly<Record<SchemaRole, readonly string[]>> = {
  'pre-data': ['--section=pre-data'],
  'post-data': ['--section=post-data'],
  database: [
    '--section=pre-data',
    '--create',
    '--schema=information_schema',
    '--exclude-schema=information_schema',
  ],
};

/** One part of the schema as SQL, the same bytes as long as nothing changes. @throws E_SOURCE_*, E_ABORTED */
export async function dumpSchema(
  options: PostgresOptions,
  role: SchemaRole,
  snapshot: Pick<Snapshot, 'id' | 'version'>,
  signal: AbortSignal,
): Promise<Uint8Array> {
  const client = await openSession(options, signal);
  const dump = await runPgDump(
    client,
    [
      ...ARGS[role],
      `--snapshot=${snapshot.id}`,
      `--lock-wait-timeout=${options.lockTimeoutMs}`,
      '--no-large-objects',
      '--no-sync',
      '--encoding=UTF8',
    ],
    signal,
  );
  return tidy(dump, role, snapshot.version);
}

const VERSIONS = /^(--\n-- PostgreSQL database dump\n--\n)\n+(?:-- Dumped [^\n]*\n)+/;
/** pg_dump writes it whatever the server is; before 17 it is an error. */
const NEWER_SETTING = /^SET transaction_timeout = 0;\n/gm;
const FIRST_VERSION_WITH_IT: ServerVersion = 170_000;
/** pg_dump says it of subscriptions whatever the server is; before 16 it is an error. */
const RUN_AS_OWNER = /^(CREATE SUBSCRIPTION .*), run_as_owner = (?:true|false)/gm;
const FIRST_VERSION_WITH_RUN_AS_OWNER: ServerVersion = 160_000;
const HEADER_BYTES = 1024;

/**
 * The comment that names the versions of server and pg_dump would change with each update. Settings are in
 * the first lines, in the part `database` in several places.
 */
function tidy(dump: Uint8Array, role: SchemaRole, version: ServerVersion): Uint8Array {
  const hasSubscriptions = role === 'post-data' && version < FIRST_VERSION_WITH_RUN_AS_OWNER;
  const headBytes = role === 'database' || hasSubscriptions ? dump.length : HEADER_BYTES;
  let head = Buffer.from(dump.subarray(0, headBytes)).toString('latin1').replace(VERSIONS, '$1');
  if (version < FIRST_VERSION_WITH_IT) head = head.replace(NEWER_SETTING, '');
  if (hasSubscriptions) head = head.replace(RUN_AS_OWNER, '$1');
  return Buffer.concat([Buffer.from(head, 'latin1'), dump.subarray(headBytes)]);
}
