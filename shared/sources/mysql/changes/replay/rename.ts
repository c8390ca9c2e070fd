import { HoldfastError } from '../../../../core/errors.ts';
import { quoteName } from '../../text/identifiers.ts';
import { isQualifier, tokensOf } from '../log/sql-text.ts';

/**
 * A statement for a database of another name: names that are qualified with the old one get the new one. Byte by byte, in
 * whatever character set it is.
 *
 * @throws E_SOURCE_UNSUPPORTED if something else in it is called like the database
 */
export function renameIn(sql: Buffer, from: string, to: string): Buffer {
  const text = sql.toString('latin1');
  const old = Buffer.from(from).toString('latin1');
  const tokens = tokensOf(text);
  const named = tokens.filter(
    (token, i) => token.text === old && (isQualifier(tokens, i) || isDatabaseName(tokens, i)),
  );
  if (named.length === 0) return sql;
  const others = tokens.filter((token) => token.kind !== 'sign' && token.text === old).length - named.length;
  if (others > 0)
    throw new HoldfastError(
      'E_SOURCE_UNSUPPORTED',
      `a statement names the database ${from} and something else of that name, so it cannot be applied to ${to} (${text.slice(0, 200)})`,
      { hint: `Restore into a database that is called ${from}, on another server.` },
    );
  const quoted = Buffer.from(quoteName(to)).toString('latin1');
  let result = '';
  let at = 0;
  for (const token of named) {
    result += text.slice(at, token.from) + quoted;
    at = token.to;
  }
  return Buffer.from(result + text.slice(at), 'latin1');
}

/** Of ALTER DATABASE. */
function isDatabaseName(tokens: readonly { readonly text: string }[], i: number): boolean {
  return i === 2 && /^(database|schema)$/i.test(tokens[1]?.text ?? '');
}
