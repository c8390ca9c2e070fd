import type pg from 'pg';
import { bytes as shownBytes } from '../../../../core/human.ts';
import { plural } from '../../../../core/plural.ts';
import { type Check, type CheckResult, differs, holds, unknown } from '../../../source-checks.ts';
import { query } from '../../connection/connection.ts';
import type { PostgresOptions } from '../../connection/options.ts';
import { openSession } from '../../snapshot/session.ts';
import { readTriggers } from '../ddl/state.ts';
import { readServerFacts } from '../facts.ts';
import { lossOf, PUBLICATION_SKIPPED, readLogState } from '../slot.ts';
import { listPublishable, readFitness, type ServerFitness } from './inventory.ts';
import { OLDEST_WITH_LIMIT } from './plan.ts';

/** What the checks of one database share. */
export interface ChangeCheckContext {
  readonly options: PostgresOptions;
  /** Of slot and publication. */
  readonly name: string;
  /** Set by `changes-login`. */
  client: pg.Client | undefined;
}

const NO_CHANGES = 'No changes can be stored: backups can be restored, but no moments between them.';
const SHOWN = 10;

type Look = Check<ChangeCheckContext>['look'];

/** What continuous backup relies on, from the login to the tables. */
export const CHANGE_CHECKS: readonly Check<ChangeCheckContext>[] = [
  check('changes-login', 'The login that reads changes can connect.', undefined, async (context, signal) => {
    context.client = await openSession(context.options, signal);
    const [row] = await query<{ user: string }>(context.client, 'SELECT current_user::text AS user', signal);
    return holds(`as ${row?.user}, in ${context.options.database}`);
  }),
  ofServer(
    'changes-version',
    'The server can limit how much of its log a slot may hold.',
    ({ version, shown }) =>
      version >= OLDEST_WITH_LIMIT
        ? holds(`PostgreSQL ${shown}`)
        : differs(`PostgreSQL ${shown}`, { fix: 'Continuous backup needs PostgreSQL 13 or later.' }),
  ),
  ofServer('primary', 'The server is a primary: standbys have no slots of ours.', ({ isStandby }) =>
    isStandby
      ? differs('it is a standby', {
          code: 'E_SOURCE_UNSUPPORTED',
          fix: 'Name the primary in the URL of the source.',
        })
      : holds('it is'),
  ),
  ofServer('wal-level', 'The server logs what a stream of changes needs.', ({ walLevel }) =>
    walLevel === 'logical'
      ? holds("wal_level is 'logical'")
      : differs(`wal_level is '${walLevel}'`, {
          fix: "Set wal_level to 'logical' and restart the server (on RDS: rds.logical_replication = 1).",
        }),
  ),
  ofServer('replication-right', 'This login may read a replication slot.', ({ mayReplicate, user }) =>
    mayReplicate
      ? holds(`${user} may`)
      : differs(`${user} has no REPLICATION`, {
          fix: `ALTER ROLE ${user} REPLICATION; on RDS: GRANT rds_replication TO ${user}.`,
        }),
  ),
  ofServer('log-limit', 'The server limits how much of its log a slot may hold.', ({ keepBytes }) =>
    keepBytes === undefined
      ? differs('max_slot_wal_keep_size is -1', {
          isMinor: true,
          fix: "Set it, so that the disk cannot fill up even if the watchdog does not run: ALTER SYSTEM SET max_slot_wal_keep_size = '20GB'.",
        })
      : holds(`max_slot_wal_keep_size is ${shownBytes(keepBytes)}`),
  ),
  check('slot', 'The slot exists, belongs to Holdfast, and has lost nothing.', 'primary', lookAtSlot),
  check(
    'publication',
    'The publication exists and leaves out no kind of change.',
    'primary',
    lookAtPublication,
  ),
  check(
    'identities',
    "Every published table can be updated; otherwise the application's UPDATE would fail.",
    'publication',
    lookAtIdentities,
  ),
  check('stream', 'The slot gives its changes.', 'publication', lookAtStream),
  check(
    'definitions',
    'If statements that change definitions are to be in the stream, they are.',
    'publication',
    lookAtDefinitions,
  ),
  check('coverage', 'The stream has all tables, and nothing keeps it back.', 'publication', lookAtCoverage),
];

function check(
  name: string,
  assumes: string,
  needs: string | undefined,
  look: Look,
): Check<ChangeCheckContext> {
  return {
    name,
    assumes,
    neededFor: 'backup',
    follows: NO_CHANGES,
    ...(needs === undefined ? {} : { needs }),
    look,
  };
}

function ofServer(
  name: string,
  assumes: string,
  judge: (fitness: ServerFitness) => CheckResult,
): Check<ChangeCheckContext> {
  return check(name, assumes, 'changes-login', async ({ client, name: publication }, signal) =>
    client ? judge(await readFitness(client, publication, signal)) : unknown('there is no session'),
  );
}

async function lookAtSlot(
  { client, name, options }: ChangeCheckContext,
  signal: AbortSignal,
): Promise<CheckResult> {
  if (!client) return unknown('there is no session');
  const { slot, inserted } = await readLogState(client, name, signal);
  if (!slot)
    return differs(`there is no slot ${name}`, {
      code: 'E_CHANGES_NOT_SET_UP',
      fix: 'Run: holdfast pitr setup.',
    });
  if (slot.database !== options.database || slot.plugin !== 'pgoutput')
    return differs(`${name} is of ${slot.database}, with ${slot.plugin}`, {
      fix: 'Give this source another `slot`.',
    });
  const loss = lossOf(slot);
  if (loss !== undefined)
    return differs(loss, {
      code: 'E_CHANGES_GAP',
      fix: 'The next poll makes a new slot; then make a new backup.',
    });
  const held = slot.restart === undefined ? 0 : Number(inserted - slot.restart);
  return holds(`${name} holds ${shownBytes(held)} of the log`);
}

async function lookAtPublication(
  { client, name }: ChangeCheckContext,
  signal: AbortSignal,
): Promise<CheckResult> {
  if (!client) return unknown('there is no session');
  const { publication } = await readFitness(client, name, signal);
  const fix = 'Remove continuous backup from the database and set it up again.';
  if (!publication)
    return differs(`there is no publication ${name}`, {
      code: 'E_CHANGES_NOT_SET_UP',
      fix: 'Run: holdfast pitr setup.',
    });
  if (publication.isOfAllTables) return differs('it has all tables, even those without a key', { fix });
  if (!publication.hasAllChanges || publication.isViaRoot)
    return differs('it leaves kinds of changes out', { fix });
  if (publication.partial.length > 0)
    return differs(`it has only some rows or columns of ${publication.partial.slice(0, SHOWN).join(', ')}`, {
      fix,
    });
  return holds(name);
}

async function lookAtIdentities(
  { client, name }: ChangeCheckContext,
  signal: AbortSignal,
): Promise<CheckResult> {
  if (!client) return unknown('there is no session');
  const tables = await listPublishable(client, name, signal);
  const roots = new Set(tables.filter(({ isPublished }) => isPublished).map(({ id }) => id));
  const published = tables.filter(
    ({ kind, isPublished, root }) => kind === 'r' && (isPublished || (root !== undefined && roots.has(root))),
  );
  const unsafe = published.filter((table) => table.unsafe !== undefined);
  if (unsafe.length === 0) return holds(`${plural(published.length, 'table')}`);
  const named = unsafe.slice(0, SHOWN).map((table) => `${table.name} (${table.unsafe})`);
  return differs(named.join(', '), {
    fix: 'Give them primary keys or REPLICA IDENTITY FULL at once, or take them out of the publication: holdfast pitr setup.',
  });
}

/** One change at most: what was read stays in the slot. */
async function lookAtStream({ client, name }: ChangeCheckContext, signal: AbortSignal): Promise<CheckResult> {
  if (!client) return unknown('there is no session');
  const notices: string[] = [];
  const onNotice = ({ code }: { code?: string | undefined }): void => void notices.push(code ?? '');
  client.on('notice', onNotice);
  try {
    await query(
      client,
      `SELECT 1 FROM pg_catalog.pg_logical_slot_peek_binary_changes($1, NULL, 1, 'proto_version', '1', 'publication_names', $2)`,
      signal,
      { values: [name, `"${name}"`] },
    );
  } finally {
    client.off('notice', onNotice);
  }
  if (notices.includes(PUBLICATION_SKIPPED))
    return differs('the publication is younger than the slot, and changes were skipped', {
      code: 'E_CHANGES_GAP',
      fix: 'The next poll begins a new stream; then make a new backup.',
    });
  return holds('it does');
}

async function lookAtDefinitions(
  { client, name }: ChangeCheckContext,
  signal: AbortSignal,
): Promise<CheckResult> {
  if (!client) return unknown('there is no session');
  const { isThere, problem } = await readTriggers(client, name, signal);
  if (problem === undefined) return holds('event triggers note them');
  if (!isThere)
    return holds(
      'no event triggers: a new backup is due when definitions change (optional: pitr setup --ddl)',
    );
  return differs(`event triggers should note them, but ${problem}`, {
    isMinor: true,
    fix: 'A new backup is made each time definitions change. Put it right: holdfast pitr setup --ddl, as a superuser.',
  });
}

async function lookAtCoverage(
  { client, name }: ChangeCheckContext,
  signal: AbortSignal,
): Promise<CheckResult> {
  if (!client) return unknown('there is no session');
  const { datasets, warnings } = await readServerFacts(client, name, signal);
  const seen = `${plural(datasets.length, 'table')} in the stream`;
  if (warnings.length === 0) return holds(seen);
  return differs(`${seen}. ${warnings.join(' ')}`, {
    isMinor: true,
    fix: 'See docs/guide/continuous-postgres.md for each of these.',
  });
}
