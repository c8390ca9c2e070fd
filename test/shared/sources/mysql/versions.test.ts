import { describe, expect, it } from 'vitest';
import type { SchemaObject } from '../../../../shared/sources/mysql/schema/objects.ts';
import { adaptObjects, withCollation } from '../../../../shared/sources/mysql/versions/adapt.ts';
import { findDifferences } from '../../../../shared/sources/mysql/versions/differences.ts';
import { releaseOf } from '../../../../shared/sources/mysql/versions/release.ts';
import type { TargetServer } from '../../../../shared/sources/mysql/versions/target-server.ts';

const OLD_COLLATIONS = ['latin1_swedish_ci', 'utf8mb4_general_ci', 'utf8mb4_bin', 'utf8mb3_general_ci'];

/** What a server says of itself. */
function server(
  title: string,
  { collations = [], engines = [], unknownModes = [] }: Partial<Record<string, readonly string[]>> = {},
): TargetServer {
  const known = new Set([...OLD_COLLATIONS, ...collations]);
  return {
    release: releaseOf(title),
    engines: new Set(['innodb', 'myisam', ...engines]),
    unknownModes: new Set(unknownModes),
    knowsCollation: (name) => known.has(name.replace(/^utf8_/, 'utf8mb3_')),
    knowsCharset: (name) => ['latin1', 'utf8mb4', 'utf8', 'utf8mb3'].includes(name),
  };
}

function table(columns: string, options = 'ENGINE=InnoDB DEFAULT CHARSET=utf8mb4'): SchemaObject {
  return { type: 'table', name: 't', sql: `CREATE TABLE \`t\` (\n  \`id\` int,\n  ${columns}\n) ${options}` };
}

/** Each with a server that takes it and one that does not; what the manuals say of both is in facts.ts. */
const FACTS: readonly {
  readonly what: string;
  readonly object: SchemaObject;
  readonly taken: string;
  readonly refused?: readonly [by: string, saying: string];
  readonly noted?: readonly [by: string, saying: string];
}[] = [
  {
    what: 'a sequence',
    object: { type: 'sequence', name: 's', sql: 'CREATE SEQUENCE `s`' },
    taken: 'MariaDB 10.3.0',
    refused: ['MySQL 9.1.0', 'knows no sequences: SEQUENCE s'],
  },
  {
    what: 'a package',
    object: { type: 'package body', name: 'p', sql: 'CREATE PACKAGE BODY' },
    taken: 'MariaDB 10.11.6',
    refused: ['MySQL 8.4.0', 'knows no packages: PACKAGE BODY p'],
  },
  {
    what: 'an aggregate function',
    object: { type: 'function', name: 'f', sql: 'CREATE DEFINER=`a`@`b` AGGREGATE FUNCTION `f`(x INT)' },
    taken: 'MariaDB 10.4.1',
    refused: ['MySQL 8.0.36', 'aggregate functions: FUNCTION f'],
  },
  {
    what: 'system versions',
    object: table('`a` int', 'ENGINE=InnoDB WITH SYSTEM VERSIONING'),
    taken: 'MariaDB 10.11.1',
    refused: ['MySQL 8.0.36', 'tables with system versions: TABLE t'],
  },
  {
    what: 'a period',
    object: table('PERIOD FOR `app` (`f`, `t`)'),
    taken: 'MariaDB 10.4.3',
    refused: ['MariaDB 10.3.39', 'tables with periods'],
  },
  { what: 'UUID', object: table('`u` uuid'), taken: 'MariaDB 10.7.1', refused: ['MySQL 8.0.36', 'UUID'] },
  { what: 'INET6', object: table('`u` inet6'), taken: 'MariaDB 10.5.0', refused: ['MySQL 8.0.36', 'INET6'] },
  {
    what: 'INET4',
    object: table('`u` inet4'),
    taken: 'MariaDB 10.10.1',
    refused: ['MariaDB 10.6.1', 'INET4'],
  },
  {
    what: 'VECTOR',
    object: table('`u` vector(3)'),
    taken: 'MySQL 9.0.1',
    refused: ['MySQL 8.4.1', 'VECTOR'],
  },
  {
    what: 'JSON',
    object: table('`j` json DEFAULT NULL'),
    taken: 'MySQL 5.7.44',
    noted: ['MariaDB 11.4.2', 'columns of JSON are LONGTEXT there, with the same text: TABLE t'],
  },
  {
    what: 'a key of an expression',
    object: table('KEY `k` ((lower(`a`)))'),
    taken: 'MySQL 8.0.13',
    refused: ['MariaDB 11.4.2', 'keys of expressions'],
  },
  {
    what: 'a key in descending order',
    object: table('KEY `k` (`a` DESC)'),
    taken: 'MariaDB 10.8.1',
    noted: ['MySQL 5.7.44', 'keys in descending order are in ascending order there: TABLE t'],
  },
  {
    what: 'an ignored index',
    object: table('KEY `k` (`a`) IGNORED'),
    taken: 'MariaDB 10.6.0',
    refused: ['MySQL 8.0.36', 'ignored indexes'],
  },
  {
    what: 'the default of an expression in parentheses',
    object: table("`a` varchar(9) DEFAULT (concat('a'))"),
    taken: 'MySQL 8.0.13',
    refused: ['MySQL 5.7.44', 'defaults that are expressions: TABLE t'],
  },
  {
    what: 'the default of an expression without parentheses',
    object: table("`a` varchar(9) DEFAULT concat('a')"),
    taken: 'MariaDB 10.3.2',
    refused: ['MySQL 8.0.36', 'defaults that are expressions, as MariaDB writes them: TABLE t'],
  },
  {
    what: 'an invisible column',
    object: table('`a` int INVISIBLE'),
    taken: 'MySQL 8.0.23',
    refused: ['MySQL 8.0.22', 'invisible columns'],
  },
  {
    what: 'a check',
    object: table('CONSTRAINT `c` CHECK (`a` > 1)'),
    taken: 'MySQL 8.0.16',
    noted: ['MySQL 5.7.44', 'check constraints are not kept there: TABLE t'],
  },
  {
    what: 'an option of Aria',
    object: table('`a` int', 'ENGINE=Aria PAGE_CHECKSUM=1'),
    taken: 'MariaDB 10.11.6',
    refused: ['MySQL 8.0.36', 'options of Aria'],
  },
  {
    what: 'encryption as MariaDB has it',
    object: table('`a` int', 'ENGINE=InnoDB `ENCRYPTED`=YES'),
    taken: 'MariaDB 10.11.6',
    refused: ['MySQL 8.0.36', 'options of MariaDB for compressed or encrypted tables'],
  },
  {
    what: 'compression as MySQL has it',
    object: table('`a` int', "ENGINE=InnoDB COMPRESSION='zlib'"),
    taken: 'MySQL 8.0.36',
    refused: ['MariaDB 11.4.2', 'pages compressed by MySQL'],
  },
  {
    what: 'partitions of MyISAM',
    object: table('`a` int', 'ENGINE=MyISAM\n PARTITION BY HASH (`a`)'),
    taken: 'MySQL 5.7.44',
    refused: ['MySQL 8.0.36', 'partitions of another engine than InnoDB'],
  },
  {
    what: 'a comment of MySQL',
    object: table('`a` int /*!80023 INVISIBLE */'),
    taken: 'MySQL 8.0.23',
    noted: ['MariaDB 11.4.2', 'passes over /*!80023 INVISIBLE */: TABLE t'],
  },
  {
    what: 'a comment of MariaDB',
    object: table('`a` text /*M!100301 COMPRESSED*/'),
    taken: 'MariaDB 10.11.6',
    noted: ['MySQL 8.0.36', 'passes over /*M!100301 COMPRESSED*/: TABLE t'],
  },
  {
    what: 'a collation',
    object: table('`a` int', 'ENGINE=InnoDB DEFAULT CHARSET=utf8mb4 COLLATE=utf8mb4_bin'),
    taken: 'MariaDB 10.11.6',
  },
  {
    what: 'a collation that is new',
    object: table('`a` varchar(9) COLLATE utf8mb4_0900_ai_ci'),
    taken: 'MySQL 8.0.36',
    refused: ['MariaDB 10.11.6', 'does not know the collation utf8mb4_0900_ai_ci: TABLE t'],
  },
  {
    what: 'a character set',
    object: table('`a` varchar(9) CHARACTER SET gb18030'),
    taken: '',
    refused: ['MariaDB 10.11.6', 'does not know the character set gb18030: TABLE t'],
  },
  {
    what: 'an engine',
    object: table('`a` int', 'ENGINE=ROCKSDB'),
    taken: '',
    noted: ['MySQL 8.0.36', 'has no engine ROCKSDB, and takes its default engine: TABLE t'],
  },
];

describe('what differs between servers is known before a restore', () => {
  const look = (object: SchemaObject, title: string) =>
    findDifferences(
      [object],
      releaseOf(title),
      server(title, title.startsWith('MySQL 8') ? { collations: ['utf8mb4_0900_ai_ci'] } : {}),
    );

  it.each(FACTS)('$what', ({ object, taken, refused, noted }) => {
    const relevant = ({ notices, refused: no }: ReturnType<typeof look>) => [
      ...no,
      ...notices.filter((notice) => !notice.includes('has no engine Aria')),
    ];
    if (taken !== '') expect(relevant(look(object, taken))).toEqual([]);
    if (refused) expect(look(object, refused[0]).refused.join()).toContain(refused[1]);
    if (noted) expect(look(object, noted[0])).toMatchObject({ refused: [] });
    if (noted) expect(look(object, noted[0]).notices.join()).toContain(noted[1]);
  });

  it('what only looks like SQL is none: names, texts and comments', () => {
    const odd = table(
      "`WITH SYSTEM VERSIONING` int COMMENT 'DEFAULT (1) INVISIBLE COLLATE x it''s \\' CHECK (',\n  KEY `((` (`a`)",
    );
    expect(look(odd, 'MySQL 5.7.44')).toEqual({ notices: [], refused: [] });
  });

  it('texts of routines are taken as they are, which is said between releases alone', () => {
    const routine: SchemaObject = { type: 'procedure', name: 'p', sql: 'CREATE PROCEDURE', sqlMode: '' };
    const notices = (from: string, to: string) =>
      findDifferences([routine], releaseOf(from), server(to)).notices;
    expect(notices('MySQL 8.0.36', 'MySQL 8.0.40')).toEqual([]);
    expect(notices('MySQL 5.7.44', 'MySQL 8.0.36')).toEqual([expect.stringContaining('SQL of MySQL 5.7.44')]);
    expect(notices('MySQL 8.0.36', 'MariaDB 10.11.6')).toEqual([expect.stringContaining('MariaDB 10.11.6')]);
  });
});

describe('what a definition means stays the same', () => {
  const NEW = server('MySQL 8.0.36', { unknownModes: ['NO_AUTO_CREATE_USER'] });

  it.each([
    ['CHARSET=utf8mb4', 'CHARSET=utf8mb4 COLLATE=utf8mb4_general_ci'],
    ['CHARSET=utf8mb4 COLLATE=utf8mb4_bin', 'CHARSET=utf8mb4 COLLATE=utf8mb4_bin'],
    ['CHARSET=latin1', 'CHARSET=latin1'],
    ["`CHARSET=utf8mb4` int COMMENT 'CHARSET=utf8mb4'", "`CHARSET=utf8mb4` int COMMENT 'CHARSET=utf8mb4'"],
    [
      '`a` text CHARACTER SET utf8mb4 NOT NULL,',
      '`a` text CHARACTER SET utf8mb4 COLLATE utf8mb4_general_ci NOT NULL,',
    ],
  ])('MySQL 8 is told the collation that older servers leave out: %s', (sql, wanted) => {
    expect(withCollation(sql)).toBe(wanted);
    expect(adaptObjects([{ type: 'table', name: 't', sql }], NEW)[0]?.sql).toBe(wanted);
    expect(adaptObjects([{ type: 'table', name: 't', sql }], server('MariaDB 10.11.6'))[0]?.sql).toBe(sql);
  });

  it('settings that the server does not know are left out, and told of', () => {
    const routine: SchemaObject = {
      type: 'procedure',
      name: 'p',
      sql: 'CREATE PROCEDURE',
      charset: 'utf8mb4',
      collation: 'utf8mb4_uca1400_ai_ci',
      sqlMode: 'STRICT_TRANS_TABLES,NO_AUTO_CREATE_USER',
    };
    expect(adaptObjects([routine], NEW)).toEqual([
      {
        type: 'procedure',
        name: 'p',
        sql: 'CREATE PROCEDURE',
        charset: 'utf8mb4',
        sqlMode: 'STRICT_TRANS_TABLES',
      },
    ]);
    const { notices } = findDifferences([routine], releaseOf('MySQL 8.0.36'), NEW);
    expect(notices).toEqual([
      expect.stringContaining('the collation utf8mb4_uca1400_ai_ci, under which routines'),
      expect.stringContaining('the sql_mode NO_AUTO_CREATE_USER, under which routines'),
    ]);
  });

  it.each([
    ['PHP MariaDB 10.11.6', 'mariadb', 101_106],
    ['MySQL 8.0.36', 'mysql', 80_036],
    ['Percona Server 8.4.3', 'mysql', 80_403],
  ])('%s is a release', (title, product, number) => {
    expect(releaseOf(title)).toEqual({ title, product, number });
  });
});
