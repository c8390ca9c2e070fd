/** Tables that refer to each other, made of a seed, in SQL that PostgreSQL and MariaDB both take. */
export interface RandomTables {
  readonly names: readonly string[];
  /** Statements that make and fill them, and add their foreign keys. */
  readonly sql: readonly string[];
  readonly references: readonly RandomReference[];
  /** Which rows a subset begins with. */
  readonly seeds: readonly { readonly table: string; readonly below: number }[];
}

/** Columns of a table that refer to columns of one. */
export interface RandomReference {
  readonly from: string;
  readonly columns: readonly string[];
  readonly to: string;
  readonly others: readonly string[];
  /** The database does not know it. */
  readonly isVirtual: boolean;
  /** Statement that adds it. */
  readonly sql: string;
}

interface Key {
  readonly columns: readonly string[];
  readonly types: readonly Type[];
  /** Of a row by its number; null in a column that may be. */
  values(row: number): readonly (string | null)[];
}

interface Table {
  readonly name: string;
  readonly rows: number;
  readonly keys: readonly Key[];
}

const TYPES = ['int', 'varchar(20)', 'char(12)', 'numeric(8,2)'] as const;
type Type = (typeof TYPES)[number];

/** @param random from 0 to 1 @param isCaseless texts refer to those that differ in case */
export function randomTables(random: () => number, isCaseless: boolean): RandomTables {
  const below = (count: number) => Math.floor(random() * count);
  const keyOf = (name: string, isNullable: boolean): Key => {
    const types = Array.from({ length: 1 + below(2) }, () => TYPES[below(TYPES.length)] as Type);
    const holes = types.map(() => (isNullable ? 3 + below(4) : 0));
    return {
      types,
      columns: types.map((_, i) => `${name}${i}`),
      values: (row) => types.map((type, i) => (row % (holes[i] || 2) === 2 ? null : textOf(type, row))),
    };
  };
  const tables = Array.from({ length: 2 + below(5) }, (_, t): Table => {
    const keys = [keyOf('k', false), ...(random() < 0.5 ? [keyOf('u', true)] : [])];
    return { name: `t${t}`, rows: 5 + below(40), keys };
  });
  const references: RandomReference[] = [];
  const sql: string[] = [];
  for (const { name, rows, keys } of tables) {
    const own = Array.from({ length: below(4) }, (_, r) => {
      const parent = tables[below(tables.length)] as Table;
      const at = below(parent.keys.length);
      const isRequired = at === 0 && random() < 0.3;
      return { name: `r${r}_`, parent, key: parent.keys[at] as Key, isRequired, isVirtual: random() < 0.2 };
    });
    const columns = [
      'rid int NOT NULL',
      ...keys.flatMap(({ columns: of, types }, k) =>
        of.map((column, i) => `${column} ${types[i]}${k === 0 ? ' NOT NULL' : ''}`),
      ),
      ...own.flatMap(({ name: of, key, isRequired }) =>
        key.types.map((type, i) => `${of}${i} ${type}${isRequired ? ' NOT NULL' : ''}`),
      ),
    ];
    const constraints = keys.map(
      ({ columns: of }, k) => `${k === 0 ? 'PRIMARY KEY' : 'UNIQUE'} (${of.join(', ')})`,
    );
    sql.push(`CREATE TABLE ${name} (${[...columns, ...constraints].join(', ')})`);
    const values = Array.from({ length: rows }, (_, row) => [
      String(row),
      ...keys.flatMap((key) => key.values(row)),
      ...own.flatMap(({ parent, key, isRequired }) => {
        const found = key.values(below(parent.rows));
        const hole = !isRequired && random() < 0.3 ? below(found.length) : -1;
        return found.map((value, i) =>
          i === hole ? null : isCaseless && random() < 0.3 ? (value?.toUpperCase() ?? null) : value,
        );
      }),
    ]);
    sql.push(
      `INSERT INTO ${name} VALUES ${values.map((row) => `(${row.map((value) => value ?? 'NULL').join(', ')})`).join(', ')}`,
    );
    for (const [r, { name: of, parent, key, isVirtual }] of own.entries()) {
      const from = key.columns.map((_, i) => `${of}${i}`);
      references.push({
        from: name,
        columns: from,
        to: parent.name,
        others: key.columns,
        isVirtual,
        sql: `ALTER TABLE ${name} ADD CONSTRAINT ${name}_r${r} FOREIGN KEY (${from.join(', ')}) REFERENCES ${parent.name} (${key.columns.join(', ')})`,
      });
    }
  }
  sql.push(...references.flatMap(({ isVirtual, sql: add }) => (isVirtual ? [] : [add])));
  const seeds = tables.flatMap(({ name }, t) =>
    t === 0 || random() < 0.2 ? [{ table: name, below: 1 + below(6) }] : [],
  );
  return { names: tables.map(({ name }) => name), sql, references, seeds };
}

function textOf(type: Type, row: number): string {
  switch (type) {
    case 'int':
      return String(row * 3);
    case 'varchar(20)':
      return `'ké ${row}'`;
    case 'char(12)':
      return `'c${row}'`;
    case 'numeric(8,2)':
      return `${row}.5`;
  }
}

/** Statements, to be run again and again until nothing comes of them, that fill `j_…` with what a subset has; in SQL, knowing nothing of ours. */
export function closureSql({ references }: RandomTables, isFollowing: boolean): readonly string[] {
  return references.flatMap(({ from, columns, to, others }) => {
    const joined = `${from} c JOIN ${to} p ON ${columns.map((column, i) => `c.${column} = p.${others[i]}`).join(' AND ')}`;
    const parents = `INSERT INTO j_${to} SELECT DISTINCT p.rid, 0 FROM ${joined} JOIN j_${from} j ON j.rid = c.rid
      WHERE NOT EXISTS (SELECT 1 FROM j_${to} x WHERE x.rid = p.rid)`;
    if (!isFollowing) return [parents];
    const children = `${joined} JOIN j_${to} j ON j.rid = p.rid AND j.f = 1`;
    return [
      parents,
      `INSERT INTO j_${from} SELECT DISTINCT c.rid, 1 FROM ${children} WHERE NOT EXISTS (SELECT 1 FROM j_${from} x WHERE x.rid = c.rid)`,
      `UPDATE j_${from} SET f = 1 WHERE f = 0 AND rid IN (SELECT rid FROM (SELECT c.rid FROM ${children}) y)`,
    ];
  });
}
