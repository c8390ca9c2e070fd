import type pg from 'pg';
import { HoldfastError, isHoldfastError } from '../../../../core/errors.ts';
import { query } from '../../connection/connection.ts';
import type { Definition } from '../ddl/definition.ts';
import { raiseGuards } from './guards.ts';
import type { Notes } from './notes.ts';

/** Without these, later rows do not fit. */
const SHAPES = /^(?:CREATE|ALTER|DROP) (?:TABLE|TYPE|DOMAIN|SCHEMA|SEQUENCE)$/;
/** A role, or a tablespace, that the target's server does not have. */
const UNDEFINED_OBJECT = '42704';
const OWNER = /\b(?:owner\s+to|tablespace)\b/i;

/** How a statement is run. */
export interface DefineOptions {
  readonly notes: Pick<Notes, 'undo' | 'isReplica'>;
  /** Only some datasets were restored: the target lacks others that it may be about. */
  readonly isPartial: boolean;
  readonly signal: AbortSignal;
}

/** What it came to. */
export interface Defined {
  /** As in `Notes`, from now on. */
  readonly undo: readonly string[];
  readonly warnings: readonly string[];
}

/**
 * Runs a statement of the source in the open transaction, as the session did that ran it there. What keeps triggers and foreign keys
 * from firing is taken away before it and put up again after it.
 *
 * @throws E_RESTORE_DIFFERS if it fails and later rows need it; E_SOURCE_*, E_ABORTED
 */
export async function define(
  client: pg.Client,
  { tag, sql, settings }: Definition,
  { notes, isPartial, signal }: DefineOptions,
): Promise<Defined> {
  await query(client, 'SAVEPOINT defining', signal);
  const before = await changeSettings(client, settings, signal);
  try {
    for (const undo of notes.undo) await query(client, undo, signal);
    await query(client, sql, signal);
    await changeSettings(client, before, signal);
    const { undo, warnings } = await raiseGuards(client, notes.isReplica, signal);
    await query(client, 'RELEASE SAVEPOINT defining', signal);
    return { undo, warnings };
  } catch (error) {
    if (!isHoldfastError(error) || client.connection.stream.destroyed) throw error;
    if (!isPartial && isNeeded(tag, sql, error)) throw failed(tag, error);
    await query(client, 'ROLLBACK TO SAVEPOINT defining; RELEASE SAVEPOINT defining', signal);
    return {
      undo: notes.undo,
      warnings: [`A statement of the source was left out: ${tag}: ${error.message}`],
    };
  }
}

function isNeeded(tag: string, sql: string, error: HoldfastError): boolean {
  if (!SHAPES.test(tag)) return false;
  return !(error.details['sqlState'] === UNDEFINED_OBJECT && OWNER.test(sql));
}

function failed(tag: string, error: HoldfastError): HoldfastError {
  return new HoldfastError(
    'E_RESTORE_DIFFERS',
    `a statement of the source (${tag}) cannot be run in the target: ${error.message}`,
    {
      cause: error,
      hint: 'Give the server what it lacks, such as an extension, and restore again; or restore a moment before it, or one after the next backup.',
    },
  );
}

/** For the rest of the transaction. @returns what they were */
async function changeSettings(
  client: pg.Client,
  settings: Readonly<Record<string, string>>,
  signal: AbortSignal,
): Promise<Record<string, string>> {
  const before: Record<string, string> = {};
  for (const [name, value] of Object.entries(settings)) {
    const [row] = await query<{ before: string; now: string }>(
      client,
      'SELECT x.before, pg_catalog.set_config($1, $2, true) AS now FROM (SELECT pg_catalog.current_setting($1) AS before OFFSET 0) x',
      signal,
      { values: [name, value] },
    );
    before[name] = row?.before ?? '';
  }
  return before;
}
