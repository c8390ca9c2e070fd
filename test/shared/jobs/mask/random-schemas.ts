import type { MaskRulesInput } from '../../../../shared/jobs/mask/rules.ts';

/** A database of PostgreSQL, made of a seed. */
export interface RandomShop {
  /** Statements that make and fill it. */
  readonly sql: string;
  /** Some rules, of which many cannot hold. */
  readonly rules: MaskRulesInput;
  /** By `public.table.column`, what every value of a column of text has in it. */
  readonly marks: Readonly<Record<string, string>>;
  /** By the column that refers, counts of joins along each foreign key, as SQL. */
  readonly joins: Readonly<Record<string, string>>;
}

const TYPES = [
  'text',
  'varchar(40)',
  'char(30)',
  'int',
  'bigint',
  'numeric(12,2)',
  'date',
  'timestamptz',
  'jsonb',
  'uuid',
  'bytea',
] as const;
type Type = (typeof TYPES)[number];
const MASKS = [
  'keep',
  'null',
  'hash',
  'email',
  'name',
  'phone',
  'digits',
  'uuid',
  'text',
  'noise',
  'date-shift',
  { mask: 'template', template: '{first}-{hash}' },
  { mask: 'constant', value: 'x' },
  { mask: 'json', paths: { '$.who': 'hash' }, rest: 'null' },
] as const;
const ROWS = 40;

/** @param random from 0 to 1 */
export function randomShop(random: () => number): RandomShop {
  const pick = <T>(list: readonly T[]): T => list[Math.floor(random() * list.length)] as T;
  const letters = (count: number) =>
    Array.from({ length: count }, () => pick([...'BCDFGHJKLMNPQRSTVWXZ'])).join('');
  const marks: Record<string, string> = {};
  const tables: Record<string, Record<string, (typeof MASKS)[number]>> = {};
  const joins: Record<string, string> = {};
  const sql: string[] = [];
  const keyTypes: Type[] = [];
  const keyMarks: string[] = [];
  const plainColumn = (place: number) => {
    const type = pick(TYPES);
    const mark = /text|char/.test(type) ? `M${letters(9)}` : undefined;
    const rule = random() < 0.5 ? 'hash' : pick(MASKS);
    return { column: `c${place}`, type, mark, rule, extra: pick(['', '', ' NOT NULL', ' UNIQUE']) };
  };
  /** A column that refers to the table itself, or to one before it. */
  const reference = (t: number, keyTypes: readonly Type[], keyMarks: readonly string[]) => {
    const owner = Math.floor(random() * (t + 1));
    const type = keyTypes[owner] as Type;
    const value = valueSql(
      type,
      keyMarks[owner] ?? '',
      owner === t ? 'greatest(i - 3, 1)' : `1 + (i * 7) % ${ROWS}`,
    );
    return {
      column: `ref ${type} REFERENCES t${owner}`,
      value: `CASE i % 5 WHEN 0 THEN NULL ELSE ${value} END`,
      join: `SELECT count(*) AS n FROM t${t} a JOIN t${owner} b ON a.ref = b.k`,
    };
  };
  const count = 2 + Math.floor(random() * 4);
  for (let t = 0; t < count; t++) {
    const name = `t${t}`;
    const keyType = pick<Type>(['int', 'bigint', 'text', 'varchar(40)', 'uuid', 'char(30)']);
    keyTypes.push(keyType);
    const keyMark = `K${letters(9)}`;
    keyMarks.push(keyMark);
    Object.assign(marks, /text|char/.test(keyType) && { [`public.${name}.k`]: keyMark });
    const columns = [`k ${keyType} PRIMARY KEY`];
    const values = [valueSql(keyType, keyMark, 'i')];
    const rules: Record<string, (typeof MASKS)[number]> = { k: pick(['keep', 'hash', 'hash', pick(MASKS)]) };
    const ref = random() < 0.8 ? reference(t, keyTypes, keyMarks) : undefined;
    if (ref) {
      columns.push(ref.column);
      values.push(ref.value);
      joins[`public.${name}.ref`] = ref.join;
      if (random() < 0.2) rules['ref'] = pick(MASKS);
    }
    const more = Array.from({ length: 1 + Math.floor(random() * 5) }, (_, c) => plainColumn(c));
    for (const { column, type, rule, mark, extra } of more) {
      Object.assign(marks, mark && { [`public.${name}.${column}`]: mark });
      columns.push(`${column} ${type}${extra}`);
      values.push(valueSql(type, mark ?? '', 'i'));
      rules[column] = rule;
    }
    tables[`public.${name}`] = rules;
    sql.push(`CREATE TABLE ${name} (${columns.join(', ')});
      INSERT INTO ${name} SELECT ${values.join(', ')} FROM generate_series(1, ${ROWS}) i`);
  }
  return { sql: sql.join(';\n'), rules: { version: 1, tables }, marks, joins };
}

function valueSql(type: Type, mark: string, i: string): string {
  switch (type) {
    case 'text':
    case 'varchar(40)':
    case 'char(30)':
      return `'${mark}' || ${i}`;
    case 'int':
    case 'bigint':
      return `(${i})`;
    case 'numeric(12,2)':
      return `(${i}) * 1.37`;
    case 'date':
      return `date '2001-01-01' + (${i})`;
    case 'timestamptz':
      return `timestamptz '2001-01-01 00:00:00.5+00' + (${i}) * interval '1 day'`;
    case 'jsonb':
      return `jsonb_build_object('who', 'w' || ${i}, 'n', ${i})`;
    case 'uuid':
      return `md5((${i})::text)::uuid`;
    case 'bytea':
      return `decode(md5((${i})::text), 'hex')`;
  }
}
