import type { PostgresServer } from '../../../../../tools/embedded-postgres.ts';

/** Settings of a session that change what a server writes, reads or does; each as far from the usual as it goes. */
export const HOSTILE: Readonly<Record<string, string>> = {
  TimeZone: 'Pacific/Chatham',
  timezone_abbreviations: 'India',
  DateStyle: 'SQL, DMY',
  IntervalStyle: 'sql_standard',
  extra_float_digits: '-15',
  bytea_output: 'escape',
  xmlbinary: 'hex',
  xmloption: 'document',
  search_path: 'nowhere',
  standard_conforming_strings: 'off',
  backslash_quote: 'off',
  quote_all_identifiers: 'on',
  array_nulls: 'off',
  transform_null_equals: 'on',
  default_transaction_isolation: 'serializable',
  default_transaction_deferrable: 'on',
  row_security: 'on',
  session_replication_role: 'replica',
  default_toast_compression: 'pglz',
  check_function_bodies: 'on',
  synchronize_seqscans: 'on',
  gin_fuzzy_search_limit: '1',
  default_text_search_config: 'simple',
  exit_on_error: 'on',
  client_min_messages: 'error',
  enable_seqscan: 'off',
  enable_tidscan: 'off',
};

/** How German writes money and numbers; nothing where the server lacks that locale. */
export async function hostileLocale(server: PostgresServer): Promise<Readonly<Record<string, string>>> {
  const name = 'de_DE.utf8';
  return server
    .query('postgres', `SET lc_monetary = '${name}'`)
    .then(() => ({ lc_monetary: name, lc_numeric: name }))
    .catch(() => ({}));
}

/** Of the judges: what a setting of the database or the role would say otherwise. */
export const PLAIN: Readonly<Record<string, string>> = {
  TimeZone: 'UTC',
  lc_monetary: 'C',
  standard_conforming_strings: 'on',
  quote_all_identifiers: 'off',
  array_nulls: 'on',
  xmloption: 'content',
  bytea_output: 'hex',
  transform_null_equals: 'off',
  exit_on_error: 'off',
};

/** Of what loads a database that hostile settings are tried on. */
export const LOADING = { ...PLAIN, TimeZone: 'Pacific/Chatham', search_path: 'public' };

/** Where settings may be. */
export const LEVELS = ['role in database', 'server', 'database', 'role'] as const;
export type Level = (typeof LEVELS)[number];

/** For PGOPTIONS, which goes before what a database or a role sets. */
export function asOptions(settings: Readonly<Record<string, string>>): string {
  return Object.entries(settings)
    .map(([name, value]) => `-c ${name}=${value.replaceAll(' ', '\\ ')}`)
    .join(' ');
}

/** Where settings may be. `scope` is what ALTER names: `DATABASE shop`, `ROLE clerk IN DATABASE shop`. */
export async function set(
  server: PostgresServer,
  scope: string,
  settings: Readonly<Record<string, string>>,
): Promise<void> {
  const statements = Object.entries(settings).map(
    ([name, value]) => `ALTER ${scope} SET ${name} = '${value}'`,
  );
  await server.query('postgres', statements.join(';\n'));
}

/** The connection string of sessions that begin with these options. */
export function withOptions(url: string, options: string): string {
  return `${url}?options=${encodeURIComponent(options)}`;
}
