import type { DatasetRole } from './datasets-attributes.ts';
import type { PostgresOptions } from './options.ts';
import { runPgDump } from './pg-dump-run.ts';
import { openSession } from './snapshot-session.ts';

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
  snapshotId: string,
  signal: AbortSignal,
): Promise<Uint8Array> {
  const client = await openSession(options, signal);
  const dump = await runPgDump(
    client,
    [
      ...ARGS[role],
      `--snapshot=${snapshotId}`,
      `--lock-wait-timeout=${options.lockTimeoutMs}`,
      '--no-large-objects',
      '--no-sync',
      '--encoding=UTF8',
    ],
    signal,
  );
  return withoutVersions(dump);
}

const VERSIONS = /^(--\n-- PostgreSQL database dump\n--\n)\n+(?:-- Dumped [^\n]*\n)+/;
const HEADER_BYTES = 1024;

/** The comment that names the versions of server and pg_dump would change with each update. */
function withoutVersions(dump: Uint8Array): Uint8Array {
  const head = Buffer.from(dump.subarray(0, HEADER_BYTES)).toString('latin1').replace(VERSIONS, '$1');
  return Buffer.concat([Buffer.from(head, 'latin1'), dump.subarray(HEADER_BYTES)]);
}
