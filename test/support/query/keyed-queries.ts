/** A field of a key: its name in SQL, and some value of it. */
export interface KeyColumn {
  readonly name: string;
  readonly kind: 'number' | 'text' | 'uuid';
  value(): string;
}

/** A table whose rows are looked for by their key. */
export interface KeyedTable {
  readonly name: string;
  readonly key: readonly KeyColumn[];
}

const quoted = (text: string) => `'${text.replaceAll("'", "''")}'`;

/**
 * A random statement with conditions on keys, in the words that PostgreSQL and DuckDB share: some a reader can go by, some it must not.
 * Texts are compared by their bytes.
 *
 * @param random from 0 to 1
 */
export function keyedQuery({ name, key }: KeyedTable, random: () => number): string {
  const pick = <T>(items: readonly T[]): T => items[Math.floor(random() * items.length)] as T;
  const order = () => pick(['=', '<', '<=', '>', '>=', '<>']);
  const list = (one: () => string) => Array.from({ length: 1 + Math.floor(random() * 4) }, one).join(', ');

  const numbers = (column: string, value: () => string) => [
    () => `${column} ${order()} ${value()}`,
    () => `${column} ${order()} ${value()}`,
    () => `${column} ${order()} ${value()}`,
    () => `${value()} ${order()} ${column}`,
    () => `${column} IN (${list(value)})`,
    () => `${column} BETWEEN ${value()} AND ${value()}`,
    () => `${column} >= ${value()} AND ${column} < ${value()}`,
    () => `${column} ${order()} ${value()}.5`,
    () => `${column} + 1 = ${value()}`,
    () => `-${column} = ${value()}`,
    () => `CAST(${column} AS text) = '${value()}'`,
    () => `${column} = CAST(${value()} AS bigint)`,
  ];
  const texts = (column: string, value: () => string) => [
    () => `${column} ${order()} ${quoted(value())}`,
    () => `${quoted(value())} ${order()} ${column}`,
    () => `${column} IN (${list(() => quoted(value()))})`,
    () => `${column} BETWEEN ${quoted(value())} AND ${quoted(value())}`,
    () => `${column} LIKE ${quoted(`${value().slice(0, 3)}%`)}`,
    () => `upper(${column}) = ${quoted(value().toUpperCase())}`,
  ];
  const uuids = (column: string, value: () => string) => [
    () => `${column} ${order()} '${value()}'`,
    () => `${column} = '${value().toUpperCase()}'`,
    () => `${column} IN (${list(() => `'${value()}'`)})`,
    () => `CAST(${column} AS text) = '${value()}'`,
  ];
  const forms = { number: numbers, text: texts, uuid: uuids };

  function condition(alias: string, depth = 0): string {
    const { name: column, kind, value } = pick(key);
    const simple = () => pick(forms[kind](`${alias}${column}`, value))();
    return pick([
      simple,
      simple,
      () => key.map((one) => pick(forms[one.kind](`${alias}${one.name}`, one.value))()).join(' AND '),
      () => `(${simple()} OR ${simple()})`,
      () => `NOT (${simple()})`,
      () => `${simple()} AND length(${alias}v) > ${Math.floor(random() * 40)}`,
      () => `${alias}${column} IS NOT NULL AND ${simple()}`,
      ...(depth === 0 ? [() => `(${condition(alias, 1)}) AND (${condition(alias, 1)})`] : []),
    ])();
  }

  const [first] = key;
  const id = first?.name ?? '';
  const some = () => `SELECT * FROM ${name} WHERE ${condition('')}`;
  return pick([
    some,
    some,
    () => `SELECT count(*) FROM ${name} AS x WHERE ${condition(pick(['', 'x.']))}`,
    () => `SELECT v AS ${id}, ${id} AS v FROM ${name} WHERE ${condition('')}`,
    () => `SELECT count(*), max(v) FROM ${name} WHERE ${condition(`${name}.`)}`,
    () => `SELECT s.v FROM (${some()}) AS s WHERE ${condition('s.')}`,
    () => `${some()} ${pick(['UNION ALL', 'EXCEPT', 'INTERSECT'])} ${some()}`,
    () =>
      `WITH s AS (${some()}) SELECT a.v, b.v FROM s AS a JOIN ${name} AS b ON a.v = b.v WHERE ${condition('b.')}`,
    () => `WITH ${name} AS (${some()}) SELECT * FROM ${name} WHERE ${condition('')}`,
    () => `SELECT count(*), count(b.v) FROM ${name} AS a LEFT JOIN (${some()}) AS b ON a.${id} = b.${id}`,
    () => `SELECT a.v, b.v FROM (${some()}) AS a FULL JOIN (${some()}) AS b ON a.${id} = b.${id}`,
    () =>
      `SELECT count(*) FROM ${name} AS a LEFT JOIN ${name} AS b ON a.${id} = b.${id} AND ${condition('b.')}`,
    () => `SELECT v FROM ${name} AS a WHERE NOT EXISTS (SELECT 1 FROM ${name} AS b WHERE ${condition('b.')})`,
    () => `SELECT (SELECT count(*) FROM ${name} WHERE ${condition('')}), (SELECT count(*) FROM ${name})`,
    () => `SELECT count(*) FILTER (WHERE ${condition('')}), count(*) FROM ${name}`,
    () => `SELECT length(v) % 7, count(*) FROM ${name} WHERE ${condition('')} GROUP BY 1 HAVING count(*) > 1`,
  ])();
}
