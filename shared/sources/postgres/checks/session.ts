import type pg from 'pg';
import { HoldfastError } from '../../../core/errors.ts';
import { NO_BACKUP } from '../../server-checks.ts';
import { type CheckResult, differs, holds } from '../../source-checks.ts';
import { listReadable } from '../datasets/datasets.ts';
import { deniedLargeObjects } from '../datasets/large-objects.ts';
import { SnapshotReaders } from '../snapshot/readers.ts';
import { checkVersion, openSession } from '../snapshot/session.ts';
import { Snapshot } from '../snapshot/snapshot.ts';
import { askServer, type CheckContext, type PostgresCheck } from './look.ts';

/** Beside its readers, a backup has one session for the snapshot and one for pg_dump. */
const MORE_SESSIONS = 2;
const SHOWN = 10;

/** What a session of this login may do. */
export const SESSION: readonly PostgresCheck[] = [
  {
    name: 'login',
    assumes: 'The server lets this login in.',
    neededFor: 'backup',
    follows: NO_BACKUP,
    needs: 'tls',
    slow: { code: 'E_SOURCE_UNREACHABLE', fix: 'See in the log of the server what keeps it from answering.' },
    look: async (look, signal) => {
      look.client = await openSession(look.options, signal);
      const [row] = await askServer<{ user: string }>(look, 'SELECT current_user::text AS user', signal);
      return holds(`as ${row?.user}, in ${look.options.database}`);
    },
  },
  {
    name: 'version',
    assumes: 'The server is of a version that can be backed up.',
    neededFor: 'backup',
    follows: NO_BACKUP,
    needs: 'login',
    look: async (look, signal) => {
      const [row] = await askServer<{ version: string; shown: string }>(
        look,
        "SELECT current_setting('server_version_num') AS version, current_setting('server_version') AS shown",
        signal,
      );
      checkVersion(Number(row?.version), row?.shown ?? '');
      return holds(`PostgreSQL ${row?.shown.split(' ')[0]}`);
    },
  },
  {
    name: 'connections',
    assumes: 'As many connections are left as a backup takes.',
    neededFor: 'backup',
    follows: 'Backups fail while there are too few.',
    needs: 'version',
    look: (look, signal) => countConnections(look, signal),
  },
  {
    name: 'snapshot',
    onlyFor: 'backup',
    assumes: 'This login may export a snapshot, and another session can read by it.',
    neededFor: 'backup',
    follows: NO_BACKUP,
    needs: 'version',
    look: async ({ options }, signal) => {
      await using snapshot = await Snapshot.take(options, signal);
      // A pooler in between may give sessions another server process than the one that they began with.
      await using readers = new SnapshotReaders(options, snapshot.id);
      readers.release(await readers.acquire(signal));
      return holds(`at ${snapshot.position}, seen by a second session`);
    },
  },
  {
    name: 'rights',
    onlyFor: 'backup',
    assumes: 'This login may read every row of every table, sequence and large object.',
    neededFor: 'backup',
    follows: NO_BACKUP,
    needs: 'snapshot',
    slow: {
      code: 'E_SOURCE_FAILED',
      fix: 'Somebody may hold a table locked: see pg_locks.',
    },
    look: async ({ options }, signal) => {
      await using snapshot = await Snapshot.take(options, signal);
      const { relations, sequences, largeObjects } = await listReadable(snapshot, undefined, signal);
      if (largeObjects.objects > 0) await checkLargeObjects(snapshot.client, signal);
      const tables = relations.filter(({ kind }) => kind === 'r').length;
      return holds(`${tables} tables, ${sequences.length} sequences, ${largeObjects.objects} large objects`);
    },
  },
  {
    name: 'create',
    onlyFor: 'restore',
    assumes: 'This login may make schemas and tables in the database.',
    neededFor: 'restore',
    follows: 'Nothing can be restored into it.',
    needs: 'version',
    look: (look, signal) =>
      may(look, "has_database_privilege(current_database(), 'CREATE')", signal, {
        yes: 'it may create',
        no: `no CREATE on ${look.options.database}`,
        fix: 'GRANT CREATE ON DATABASE … to the role, or make it the owner of the database.',
      }),
  },
  {
    name: 'create-database',
    onlyFor: 'drill',
    assumes: 'This login may make databases, which drills drop again.',
    neededFor: 'restore',
    follows: 'No drill can be made there.',
    needs: 'version',
    look: (look, signal) =>
      may(
        look,
        '(SELECT rolcreatedb OR rolsuper FROM pg_catalog.pg_roles WHERE rolname = current_user)',
        signal,
        {
          yes: 'it may create databases',
          no: 'this login may not create databases',
          fix: 'ALTER ROLE … CREATEDB on the server of drills.',
        },
      ),
  },
];

async function may(
  look: CheckContext,
  condition: string,
  signal: AbortSignal,
  { yes, no, fix }: { readonly yes: string; readonly no: string; readonly fix: string },
): Promise<CheckResult> {
  const [row] = await askServer<{ may: boolean }>(look, `SELECT ${condition} AS may`, signal);
  return row?.may ? holds(yes) : differs(no, { code: 'E_SOURCE_DENIED', fix });
}

/** What everybody may see of it; a limit of -1 is none. */
const COUNTS = `
  SELECT current_setting('max_connections')::int AS most,
         current_setting('superuser_reserved_connections')::int
           + coalesce((SELECT setting::int FROM pg_catalog.pg_settings WHERE name = 'reserved_connections'), 0) AS kept,
         (SELECT sum(numbackends)::int FROM pg_catalog.pg_stat_database) AS used,
         (SELECT datconnlimit FROM pg_catalog.pg_database WHERE datname = current_database()) AS "ofDatabase",
         (SELECT numbackends FROM pg_catalog.pg_stat_database WHERE datname = current_database()) AS "inDatabase",
         (SELECT rolconnlimit FROM pg_catalog.pg_roles WHERE rolname = current_user) AS "ofRole",
         (SELECT count(*)::int FROM pg_catalog.pg_stat_activity WHERE usename = current_user) AS "byRole"`;

interface Counts extends pg.QueryResultRow {
  readonly most: number;
  readonly kept: number;
  readonly used: number;
  readonly ofDatabase: number;
  readonly inDatabase: number;
  readonly ofRole: number;
  readonly byRole: number;
}

/** The session that asks is one of those in use, and ends before a backup begins. */
async function countConnections(look: CheckContext, signal: AbortSignal): Promise<CheckResult> {
  const [counts] = await askServer<Counts>(look, COUNTS, signal);
  if (!counts) return differs('the server did not say');
  const { most, kept, used, ofDatabase, inDatabase, ofRole, byRole } = counts;
  const limits = [
    { what: `max_connections ${most}`, left: most - kept - used + 1 },
    ...(ofDatabase < 0
      ? []
      : [{ what: `the database's limit of ${ofDatabase}`, left: ofDatabase - inDatabase + 1 }]),
    ...(ofRole < 0 ? [] : [{ what: `the role's limit of ${ofRole}`, left: ofRole - byRole + 1 }]),
  ];
  const [least] = limits.toSorted((a, b) => a.left - b.left);
  const needed = look.options.readers + MORE_SESSIONS;
  const seen = `${least?.left} are left of ${least?.what}; a backup takes up to ${needed}`;
  if (least && least.left >= needed) return holds(seen);
  return differs(seen, {
    code: 'E_SOURCE_UNREACHABLE',
    fix: 'End sessions that nobody needs, raise the limit, or give the source fewer `readers`.',
  });
}

/** @throws E_SOURCE_DENIED */
async function checkLargeObjects(client: pg.Client, signal: AbortSignal): Promise<void> {
  const denied = await deniedLargeObjects(client, SHOWN, signal);
  if (denied.length === 0) return;
  throw new HoldfastError(
    'E_SOURCE_DENIED',
    `permission denied for large objects, such as ${denied.join(', ')}`,
    {
      hint: 'GRANT SELECT ON LARGE OBJECT … to the role, or log in as their owner.',
    },
  );
}
