import type { Check } from '../../source-checks.ts';
import type { Row, Session } from '../connection/connection.ts';
import type { MysqlOptions } from '../connection/options.ts';

/** What the checks of one server share. */
export interface Look {
  readonly options: MysqlOptions;
  /** Set by `login`. */
  session: Session | undefined;
}

export type MysqlCheck = Check<Look>;

/** Rows of a statement in the session of `login`. @throws E_SOURCE_*, E_ABORTED */
export async function ask({ session }: Look, sql: string, signal: AbortSignal): Promise<readonly Row[]> {
  return session ? session.query(sql, signal) : [];
}

/** The first value of the first row, empty if there is none. */
export async function askOne(look: Look, sql: string, signal: AbortSignal): Promise<string> {
  const [row] = await ask(look, sql, signal);
  return Object.values(row ?? {})[0] ?? '';
}
