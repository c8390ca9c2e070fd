import type { JsonObject } from '../../../core/json.ts';
import type { PostgresOptions } from './options.ts';

/** What a session is for: `read` writes nothing, `write` makes what a backup holds. */
export type SessionUse = 'read' | 'write';

type Settings = Readonly<Record<string, string>>;

/**
 * Settings that change what a statement means or which rows it sees. A server's configuration, a database and a role
 * may each set them.
 */
const MEANING: Settings = {
  search_path: '',
  row_security: 'off',
  standard_conforming_strings: 'on',
  xmloption: 'content',
  array_nulls: 'on',
  transform_null_equals: 'off',
  // Text of `money` is in this locale, and is read in it.
  lc_monetary: 'C',
  default_transaction_isolation: 'read committed',
  default_transaction_deferrable: 'off',
  session_replication_role: 'origin',
  icu_validation_level: 'warning',
  gin_fuzzy_search_limit: '0',
  exit_on_error: 'off',
  // Pages that cannot be read are an error, not rows that are missing.
  zero_damaged_pages: 'off',
  ignore_checksum_failure: 'off',
};

/** What ends sessions and statements. */
function limits(options: PostgresOptions): Settings {
  return {
    statement_timeout: '0',
    lock_timeout: String(options.lockTimeoutMs),
    idle_in_transaction_session_timeout: '0',
    idle_session_timeout: '0',
    transaction_timeout: '0',
  };
}

/** Settings that change how a server writes values and definitions, and the order of rows. */
const READING: Settings = {
  TimeZone: 'UTC',
  DateStyle: 'ISO',
  IntervalStyle: 'POSTGRES',
  extra_float_digits: '3',
  bytea_output: 'hex',
  quote_all_identifiers: 'off',
  synchronize_seqscans: 'off',
  max_parallel_workers_per_gather: '0',
  enable_seqscan: 'on',
  enable_tidscan: 'on',
  // It may give the answer for one large object's descriptor to another with the same number.
  enable_memoize: 'off',
  jit: 'off',
  // A sequence may become a view between its listing and its reading, and a view runs its owner's functions.
  restrict_nonsystem_relation_kind: 'view, foreign-table',
};

const WRITING: Settings = {
  quote_all_identifiers: 'off',
  restrict_nonsystem_relation_kind: '',
};

/** Those that a session of Holdfast sets itself, whatever the server, the database or the role say. */
export function sessionSettings(options: PostgresOptions, use: SessionUse): Settings {
  return { ...MEANING, ...limits(options), ...(use === 'read' ? READING : WRITING), ...options.settings };
}

/**
 * Settings that say what dates, times and intervals in text mean. Where a restore writes, they are those that
 * the source had: checks and materialised views may depend on them.
 */
export const CALENDAR = ['TimeZone', 'DateStyle', 'IntervalStyle'] as const;

/** Of a backup's attributes; empty in one that does not say. */
export function calendarSettings(attributes: JsonObject): Settings {
  const { settings } = attributes;
  if (typeof settings !== 'object' || settings === null || Array.isArray(settings)) return {};
  const values = settings as JsonObject;
  return Object.fromEntries(
    CALENDAR.flatMap((name) => {
      const value = values[name];
      return typeof value === 'string' ? [[name, value]] : [];
    }),
  );
}
