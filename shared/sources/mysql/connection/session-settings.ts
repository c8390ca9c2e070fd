import { asLost } from '../errors.ts';
import { quoteText } from '../text/identifiers.ts';
import { Session } from './connection.ts';
import type { MysqlOptions } from './options.ts';

/** What a session is for: `read` writes nothing, `write` makes what a backup holds. */
export type SessionUse = 'read' | 'write';

/** `quoted` text, or a word of SQL. */
type Settings = Readonly<Record<string, string>>;

const WEEK_SECONDS = 604_800;

/**
 * Settings that change what a statement means, which rows it sees, or how the server writes values. The server's
 * configuration or `init_connect` may set each of them. Those that a server does not know are passed over.
 */
const ALWAYS: Settings = {
  time_zone: "'+00:00'",
  autocommit: '1',
  completion_type: "'NO_CHAIN'",
  sql_big_selects: '1',
  sql_safe_updates: '0',
  sql_auto_is_null: '0',
  sql_quote_show_create: '1',
  sql_buffer_result: '0',
  div_precision_increment: '4',
  // A past moment for all tables with system versions.
  system_versioning_asof: 'DEFAULT',
  // Of MySQL: sizes and counters of tables as they are now, keys that nobody sees too, no difference of formats.
  information_schema_stats_expiry: '0',
  show_gipk_in_create_table_and_information_schema: '1',
  show_create_table_skip_secondary_engine: '0',
  show_create_table_verbosity: '0',
  show_old_temporals: '0',
  // Nothing ends the session while others work.
  wait_timeout: String(WEEK_SECONDS),
  interactive_timeout: String(WEEK_SECONDS),
  net_write_timeout: '3600',
  net_read_timeout: '3600',
  max_statement_time: '0',
  max_execution_time: '0',
  idle_transaction_timeout: '0',
  idle_readonly_transaction_timeout: '0',
};

const READING: Settings = {
  sql_mode: "''",
  old_mode: "'UTF8_IS_UTF8MB3'",
};

const WRITING: Settings = {
  // Dates that a mode forbids were there, and 0 in a column that counts means 0.
  sql_mode: "'NO_AUTO_VALUE_ON_ZERO,ALLOW_INVALID_DATES'",
  old_mode: "'UTF8_IS_UTF8MB3'",
  foreign_key_checks: '0',
  check_constraint_checks: '0',
  unique_checks: '1',
  explicit_defaults_for_timestamp: '1',
  innodb_strict_mode: '0',
  system_versioning_insert_history: '1',
  sql_generate_invisible_primary_key: '0',
  sql_require_primary_key: '0',
  sql_notes: '0',
  alter_algorithm: 'DEFAULT',
  enforce_storage_engine: 'NULL',
  // Definitions of older servers leave out the collation that was the default of their character set.
  character_set_collations: "''",
};

/** Settings that a user or a version may refuse; they are then as the server has them. */
const PRIVILEGED = new Set([
  'system_versioning_insert_history',
  'sql_require_primary_key',
  'sql_generate_invisible_primary_key',
  'enforce_storage_engine',
  'character_set_collations',
]);

/**
 * Opens a session whose statements mean the same on every server.
 *
 * @throws E_SOURCE_*, E_CONFIG, E_ABORTED
 */
export async function openSession(
  options: MysqlOptions,
  signal: AbortSignal,
  { use = 'read', isFirst = true }: { readonly use?: SessionUse; readonly isFirst?: boolean } = {},
): Promise<Session> {
  const session = await Session.connect(options, signal).catch((error: unknown) => {
    throw isFirst ? error : asLost(error);
  });
  try {
    await settle(session, options, use, signal);
    return session;
  } catch (error) {
    await session.close();
    throw error;
  }
}

async function settle(
  session: Session,
  options: MysqlOptions,
  use: SessionUse,
  signal: AbortSignal,
): Promise<void> {
  await session.query('SET NAMES utf8mb4', signal);
  // Texts come as they are stored, in whatever character set that is.
  await session.query('SET character_set_results = NULL', signal);
  await session.query('SET SESSION TRANSACTION ISOLATION LEVEL REPEATABLE READ', signal);
  // First of all: the list of known settings must come whole.
  await session.query('SET SESSION sql_select_limit = 18446744073709551615', signal);
  const settings: Settings = {
    ...ALWAYS,
    lock_wait_timeout: String(options.lockTimeoutSeconds),
    ...(use === 'read' ? READING : WRITING),
  };
  const names = Object.keys(settings).map(quoteText).join(', ');
  const known = await session.query<{ Variable_name: string }>(
    `SHOW SESSION VARIABLES WHERE Variable_name IN (${names})`,
    signal,
  );
  const isKnown = new Set(known.map(({ Variable_name: name }) => name));
  const entries = Object.entries(settings).filter(([name]) => isKnown.has(name));
  const plain = entries.filter(([name]) => !PRIVILEGED.has(name));
  await session.query(`SET ${plain.map(([name, value]) => `SESSION ${name} = ${value}`).join(', ')}`, signal);
  for (const [name, value] of entries.filter(([one]) => PRIVILEGED.has(one)))
    await session.query(`SET SESSION ${name} = ${value}`, signal).catch((error: unknown) => {
      if (!session.isOpen) throw error;
    });
}
