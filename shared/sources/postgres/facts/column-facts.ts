import type { ColumnFacts, ValueKind } from '../../table-facts.ts';
import type { ColumnAttributes } from '../datasets/attributes.ts';

/** What a type comes from, and whether it is compared without case. */
export interface TypeNames {
  /** Of domains, by their names with schema: the type below, and whether NULL is allowed. */
  readonly domains: ReadonlyMap<string, { readonly base: string; readonly isNullable: boolean }>;
}

const INTEGER_BITS: Readonly<Record<string, number>> = { smallint: 15, integer: 31, bigint: 63 };
const FLOAT_DIGITS: Readonly<Record<string, number>> = { real: 6, 'double precision': 15 };
const KINDS: Readonly<Record<string, ValueKind>> = {
  text: 'text',
  name: 'text',
  uuid: 'uuid',
  json: 'json',
  jsonb: 'json',
  bytea: 'bytes',
  inet: 'ip',
};
const YEARS = [-4712, 294_000] as const;
const NAME_BYTES = 63;
/** Names of domains may stand on others. */
const MOST_DOMAINS = 32;

/** @param definition the line of CREATE TABLE, after the column's name */
export function columnFacts(
  { name, type: written }: ColumnAttributes,
  definition: string,
  { domains }: TypeNames,
): ColumnFacts {
  let type = written;
  let isNullable = !/\bNOT NULL\b/.test(withoutStrings(definition));
  for (let i = 0; i < MOST_DOMAINS && domains.has(type); i++) {
    const domain = domains.get(type);
    isNullable &&= domain?.isNullable ?? true;
    type = domain?.base ?? type;
  }
  const isCounted = /\bAS IDENTITY\b|\bDEFAULT nextval\(/.test(withoutStrings(definition));
  return { name, type: written, isNullable, isCounted, ...valuesOf(type, hasOwnCollation(definition)) };
}

type Values = Omit<ColumnFacts, 'name' | 'type' | 'isNullable' | 'isCounted'>;

/** What a type that is no domain holds. */
function valuesOf(type: string, isCaseless: boolean): Values {
  const bits = INTEGER_BITS[type];
  if (bits !== undefined) return { kind: 'integer', bits };
  const digits = FLOAT_DIGITS[type];
  if (digits !== undefined) return { kind: 'float', digits };
  if (/^(.*\.)?"?citext"?$/.test(type)) return { kind: 'text', isCaseless: true };
  if (/^timestamp(\(\d\))? with(out)? time zone$/.test(type) || type === 'date')
    return { kind: 'date', years: YEARS };
  const kind = KINDS[type];
  if (kind === 'text') return { kind, most: type === 'name' ? NAME_BYTES : undefined, isCaseless };
  return kind ? { kind } : (lettersOf(type, isCaseless) ?? decimalOf(type) ?? { kind: 'other' });
}

function lettersOf(type: string, isCaseless: boolean): Values | undefined {
  const [, varying, length] = /^(character varying|character|bpchar)(?:\((\d+)\))?$/.exec(type) ?? [];
  if (varying === undefined) return undefined;
  const most = length === undefined ? undefined : Number(length);
  return { kind: 'text', most, isPadded: varying === 'character' && most !== undefined, isCaseless };
}

function decimalOf(type: string): Values | undefined {
  const [whole, precision, scale] = /^numeric(?:\((\d+),(\d+)\))?$/.exec(type) ?? [];
  if (whole === undefined) return undefined;
  return {
    kind: 'decimal',
    wholeDigits: precision === undefined ? undefined : Number(precision) - Number(scale),
  };
}

/** A collation of the database's own may take different texts for equal; those of the system do not. */
function hasOwnCollation(definition: string): boolean {
  const [, schema] = /\bCOLLATE ((?:"(?:[^"]|"")*"|\w+))\./.exec(withoutStrings(definition)) ?? [];
  return schema !== undefined && schema !== 'pg_catalog';
}

function withoutStrings(sql: string): string {
  return sql.replaceAll(/'(?:[^']|'')*'/g, "''");
}
