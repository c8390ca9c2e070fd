import type pg from 'pg';
import { isHoldfastError } from '../../../core/errors.ts';
import { query } from '../connection/connection.ts';
import { quoteIdent, quoteLiteral } from '../text/identifiers.ts';

const CREATE =
  /^CREATE DATABASE (?:"(?:[^"]|"")*"|[^\s"]+) WITH TEMPLATE = template0((?: [A-Z_]+ = (?:'(?:[^']|'')*'|\w+))*);$/m;
const OPTION = /([A-Z_]+) = ('(?:[^']|'')*'|\w+)/g;
/** What decides how text is kept and sorted. Not where files are, nor versions of collations. */
const KEPT = new Set([
  'ENCODING',
  'LOCALE_PROVIDER',
  'LOCALE',
  'LC_COLLATE',
  'LC_CTYPE',
  'ICU_LOCALE',
  'ICU_RULES',
  'BUILTIN_LOCALE',
]);

/** Encoding and locale of the database that was backed up, as clauses for CREATE DATABASE. */
export function databaseClauses(script: string): readonly string[] {
  const [, text = ''] = CREATE.exec(script) ?? [];
  return [...text.matchAll(OPTION)]
    .filter(([, name = '']) => KEPT.has(name))
    .map(([, name, value]) => `${name} = ${value}`);
}

/** What may be wrong with a locale: its name, its provider, a clause that an older server does not know. */
const LOCALE_STATES = /^(22023|42601|42809|0A000|42704|42611|XX000)$/;

/**
 * Makes an empty database like the one that was backed up; if the server lacks that locale, one with the same
 * encoding and the locale `C`.
 *
 * @returns what is not as in the backup, one sentence each
 * @throws E_SOURCE_DENIED if the login may not make databases
 */
export async function createDatabase(
  client: pg.Client,
  name: string,
  clauses: readonly string[],
  signal: AbortSignal,
): Promise<readonly string[]> {
  const create = (such: readonly string[]) =>
    query(client, `CREATE DATABASE ${quoteIdent(name)} TEMPLATE = template0 ${such.join(' ')}`, signal, {
      object: `the database ${name}`,
    });
  try {
    await create(clauses);
    return [];
  } catch (error) {
    const isOfLocale =
      isHoldfastError(error) && LOCALE_STATES.test(String(error.details['sqlState'])) && clauses.length > 0;
    if (!isOfLocale) throw error;
    const encoding = clauses.filter((clause) => clause.startsWith('ENCODING'));
    await create([...encoding, `LC_COLLATE = ${quoteLiteral('C')}`, `LC_CTYPE = ${quoteLiteral('C')}`]);
    const missing = clauses.filter((clause) => !clause.startsWith('ENCODING')).join(' ');
    return [`the server has not the database's locale (${missing}): locale C was used`];
  }
}
