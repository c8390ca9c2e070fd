import { isHoldfastError } from '../../../core/errors.ts';
import type { RestoreFailure } from '../../target.ts';
import type { Session } from '../connection/connection.ts';
import { errorNumber } from '../errors.ts';
import { quoteName } from '../text/identifiers.ts';
import type { Present } from './conflicts.ts';

/** What users may do with routines that are dropped: it goes with these, and is granted again. */
export interface RoutineRights {
  /** In order, after the routines were made. */
  readonly grants: readonly string[];
  /** This user may not see them. */
  readonly isHidden: boolean;
}

type Row = {
  readonly user: string;
  readonly host: string;
  readonly name: string;
  readonly type: string;
  readonly rights: string;
};

const ROUTINES = new Set(['function', 'procedure', 'package', 'package body']);

/** @param drops what a restore drops; nothing is asked if there are no routines */
export async function readRoutineRights(
  session: Session,
  database: string,
  drops: readonly Present[],
  signal: AbortSignal,
): Promise<RoutineRights> {
  const routines = new Set(
    drops.filter(({ type }) => ROUTINES.has(type)).map(({ type, name }) => keyOf(type, name)),
  );
  if (routines.size === 0) return { grants: [], isHidden: false };
  try {
    const rows = await session.query<Row>(
      `SELECT User AS user, Host AS host, Routine_name AS name, Routine_type AS type, Proc_priv AS rights
         FROM mysql.procs_priv WHERE Db = DATABASE()`,
      signal,
    );
    const found = rows.filter(({ type, name }) => routines.has(keyOf(type, name)));
    return { grants: found.flatMap((row) => grantSql(row, database)), isHidden: false };
  } catch (error) {
    if (!isHoldfastError(error, 'E_SOURCE_DENIED')) throw error;
    return { grants: [], isHidden: true };
  }
}

/** Names of routines are compared without case. */
function keyOf(type: string, name: string): string {
  return `${type} ${name}`.toLowerCase();
}

/** A role has no host. */
function grantSql({ user, host, name, type, rights }: Row, database: string): readonly string[] {
  const all = rights.split(',').map((right) => right.toUpperCase());
  const named = all.filter((right) => right !== 'GRANT' && right !== '');
  const account = host === '' ? quoteName(user) : `${quoteName(user)}@${quoteName(host)}`;
  const option = all.includes('GRANT') ? ' WITH GRANT OPTION' : '';
  const what = `${named.join(', ') || 'USAGE'} ON ${type} ${quoteName(database)}.${quoteName(name)}`;
  return [`GRANT ${what} TO ${account}${option}`];
}

/** Grants them again. What is refused is told of, or thrown if nobody listens. */
export async function grantAgain(
  session: Session,
  { grants }: RoutineRights,
  onFailure: ((failure: RestoreFailure) => void) | undefined,
  signal: AbortSignal,
): Promise<void> {
  for (const sql of grants)
    try {
      await session.query(sql, signal, { object: 'rights on routines' });
    } catch (error) {
      if (!onFailure || !isHoldfastError(error) || errorNumber(error) === undefined) throw error;
      onFailure({ object: sql, message: `${sql}: ${error.message}` });
    }
}
