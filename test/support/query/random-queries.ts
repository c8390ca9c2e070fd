/** What random queries are made of: tables that both backups have, and columns by what can be done with them. */
const ORDERS = {
  numbers: ['id', 'customer', 'qty'],
  decimals: ['total', 'tax'],
  texts: ['note', 'state'],
  dates: ['placed'],
} as const;

/**
 * A random query that PostgreSQL and DuckDB read alike: filters, joins of two backups, groups, order, NULLs, dates, decimals, windows,
 * sets. Its rows come in no order that counts.
 *
 * @param random from 0 to 1
 */
export function randomQuery(random: () => number): string {
  const pick = <T>(items: readonly T[]): T => items[Math.floor(random() * items.length)] as T;
  const backup = () => pick(['a', 'b']);
  const number = (alias: string) => `${alias}.${pick(ORDERS.numbers)}`;
  const decimal = (alias: string) => `${alias}.${pick(ORDERS.decimals)}`;

  function condition(alias: string): string {
    const simple = [
      () => `${number(alias)} ${pick(['<', '<=', '>', '=', '<>'])} ${Math.floor(random() * 60)}`,
      () => `${decimal(alias)} ${pick(['<', '>='])} ${(random() * 200 - 20).toFixed(2)}`,
      () =>
        `${alias}.${pick(['note', 'total', 'paid', 'placed', 'at', 'code'])} IS ${pick(['', 'NOT '])}NULL`,
      () => `${alias}.note LIKE '%${pick(['a', 'e1', '0', "''"])}%'`,
      () => `${alias}.state IN ('new', '${pick(['paid', 'sent', 'none'])}')`,
      () => `${alias}.placed BETWEEN DATE '2025-0${1 + Math.floor(random() * 9)}-01' AND DATE '2026-06-15'`,
      () => `${alias}.at > TIMESTAMP WITH TIME ZONE '2025-11-0${1 + Math.floor(random() * 9)} 10:00:00+00'`,
      () => `${alias}.paid`,
      () =>
        `${alias}.code < CAST('${'89abcdef'[Math.floor(random() * 8)]}0000000-0000-0000-0000-000000000000' AS uuid)`,
      () =>
        `EXISTS (SELECT 1 FROM ${backup()}.customers k WHERE k.id = ${alias}.customer AND k.credit > ${Math.floor(random() * 900)})`,
    ];
    const one = () => pick(simple)();
    return pick([() => one(), () => `(${one()} AND ${one()})`, () => `(${one()} OR NOT ${one()})`])();
  }

  function value(alias: string): string {
    return pick([
      () => number(alias),
      () => decimal(alias),
      () => `${decimal(alias)} + ${decimal(alias)}`,
      () => `${decimal(alias)} * ${alias}.qty`,
      () => `-${decimal(alias)}`,
      () => `abs(${decimal(alias)} - 10)`,
      () => `coalesce(${alias}.note, 'none')`,
      () => `upper(${alias}.state)`,
      () => `length(${alias}.note)`,
      () => `substr(${alias}.note, 2, 3)`,
      () => `${alias}.note || '-' || ${alias}.state`,
      () => `${alias}.placed`,
      () => `${alias}.placed + ${Math.floor(random() * 90)}`,
      () => `${alias}.placed - DATE '2025-01-01'`,
      () => `extract(${pick(['year', 'month', 'day', 'dow'])} FROM ${alias}.placed)`,
      () => `date_trunc('${pick(['month', 'hour', 'year'])}', ${alias}.at)`,
      () => `${alias}.at + INTERVAL '36 hours'`,
      () => `${alias}.at`,
      () => `CASE WHEN ${condition(alias)} THEN ${number(alias)} END`,
      () => `nullif(${alias}.state, 'new')`,
      () => `${alias}.paid`,
      () => `${alias}.code`,
      () => `CAST(${decimal(alias)} AS integer)`,
    ])();
  }
  const aggregate = (alias: string) =>
    pick([
      () => 'count(*)',
      () => `count(DISTINCT ${alias}.state)`,
      () => `count(${alias}.note)`,
      () => `sum(${decimal(alias)})`,
      () => `sum(${number(alias)})`,
      () => `min(${value(alias).replace(/^.*(paid|code)$/, `${alias}.id`)})`,
      () => `max(${alias}.at)`,
      () => `sum(CASE WHEN ${condition(alias)} THEN 1 ELSE 0 END)`,
    ])();
  const values = (alias: string) =>
    Array.from({ length: 1 + Math.floor(random() * 4) }, () => value(alias)).join(', ');

  return pick([
    () => `SELECT ${values('o')} FROM ${backup()}.orders o WHERE ${condition('o')}`,
    () =>
      `SELECT o.id, ${values('o')} FROM ${backup()}.orders o WHERE ${condition('o')} ORDER BY o.id LIMIT ${1 + Math.floor(random() * 40)} OFFSET ${Math.floor(random() * 9)}`,
    () =>
      `SELECT o.state, ${aggregate('o')}, ${aggregate('o')} FROM ${backup()}.orders o WHERE ${condition('o')} GROUP BY o.state HAVING count(*) > ${Math.floor(random() * 3)}`,
    () => `SELECT ${aggregate('o')}, ${aggregate('o')} FROM ${backup()}.orders o WHERE ${condition('o')}`,
    () =>
      `SELECT x.id, x.total, y.total FROM a.orders x ${pick(['', 'LEFT ', 'FULL '])}JOIN b.orders y ON x.id = y.id WHERE x.total IS DISTINCT FROM y.total`,
    () =>
      `SELECT k.region, ${aggregate('o')} FROM ${backup()}.orders o LEFT JOIN ${backup()}.customers k ON k.id = o.customer WHERE ${condition('o')} GROUP BY k.region`,
    () =>
      `SELECT ${pick(['id, total, note', 'customer, state', 'placed', 'id, paid, code, "at"'])} FROM a.orders`.replace(
        /^(SELECT .*) FROM.*$/s,
        (_, head: string) =>
          `${head} FROM a.orders ${pick(['EXCEPT', 'INTERSECT', 'UNION', 'EXCEPT ALL'])} ${head} FROM b.orders`,
      ),
    () => `SELECT DISTINCT ${values('o')} FROM ${backup()}.orders o WHERE ${condition('o')}`,
    () =>
      `SELECT o.id, row_number() OVER (PARTITION BY o.state ORDER BY o.id), sum(o.total) OVER (PARTITION BY o.customer) FROM ${backup()}.orders o WHERE ${condition('o')}`,
    () =>
      `WITH k AS (SELECT customer, max(total) AS most FROM ${backup()}.orders GROUP BY customer) SELECT o.id, k.most FROM ${backup()}.orders o JOIN k ON k.customer = o.customer AND k.most = o.total WHERE ${condition('o')}`,
  ])();
}
