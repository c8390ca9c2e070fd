import type { Connection } from 'mysql2/promise';

/** Character sets that a column may have, with a text that is not ASCII in each. */
const CHARSETS: Readonly<Record<string, string>> = {
  latin1: 'é€ÿ',
  latin2: 'ąłż',
  latin5: 'ğış',
  latin7: 'āčž',
  ascii: '~',
  utf8mb3: 'é€שלום\u2028',
  utf8mb4: '😀🏴‍☠️e\u0301',
  utf16: '😀é\n',
  utf16le: 'é\t',
  utf32: '😀\\',
  ucs2: 'é\u0a0a\u5c5c',
  sjis: '表ソ能',
  cp932: '表①',
  ujis: '表',
  eucjpms: '表①',
  big5: '功許蓋',
  gbk: '誠運',
  gb2312: '中',
  euckr: '한',
  tis620: 'ไทย',
  greek: 'αβγ',
  hebrew: 'שלום',
  koi8r: 'привет',
  koi8u: 'їжак',
  cp1250: 'ął',
  cp1251: 'привет',
  cp1256: 'سلام',
  cp1257: 'āč',
  cp850: 'éß',
  cp852: 'ął',
  cp866: 'привет',
  macroman: 'éπ',
  macce: 'ął',
  dec8: 'é',
  hp8: 'é',
  swe7: 'a',
  keybcs2: 'č',
  armscii8: 'a',
  geostd8: 'a',
};

const TYPES = `CREATE TABLE \`all types\` (
  id BIGINT UNSIGNED NOT NULL AUTO_INCREMENT PRIMARY KEY COMMENT 'it''s \\\\ "quoted" \`id\`',
  ti TINYINT, tu TINYINT(3) UNSIGNED ZEROFILL, si SMALLINT, mi MEDIUMINT, i INT, bi BIGINT, bu BIGINT UNSIGNED,
  de DECIMAL(65,30), d0 DECIMAL(10,0) UNSIGNED, f FLOAT, f2 FLOAT(7,3), d DOUBLE, d2 DOUBLE(20,4),
  b1 BIT(1), b64 BIT(64), da DATE, dt DATETIME, dt6 DATETIME(6), ts TIMESTAMP NULL, ts6 TIMESTAMP(6) NULL, t TIME, t6 TIME(6), y YEAR,
  c CHAR(10), vc VARCHAR(100), bin BINARY(8), vb VARBINARY(100), tb TINYBLOB, bl BLOB, mb MEDIUMBLOB, lb LONGBLOB,
  tt TINYTEXT, tx TEXT, mt MEDIUMTEXT, lt LONGTEXT, e ENUM('a','b''c','','ü'), s SET('x','y','z','ö') COLLATE utf8mb4_bin,
  j JSON, g GEOMETRY, p POINT, ls LINESTRING, po POLYGON, inet INET6, i4 INET4, u UUID,
  gen INT GENERATED ALWAYS AS (i * 2) VIRTUAL, sto INT AS (i + 1) STORED, inv INT INVISIBLE DEFAULT 7,
  cmp TEXT COMPRESSED, def VARCHAR(50) DEFAULT (CONCAT('a', 'b')), upd TIMESTAMP(3) DEFAULT CURRENT_TIMESTAMP(3) ON UPDATE CURRENT_TIMESTAMP(3),
  CONSTRAINT \`check it\` CHECK (i IS NULL OR i < 100000), CHECK (tt <> 'never')
) ENGINE=InnoDB AUTO_INCREMENT=900 COMMENT='a table; with -- odd /* words */'`;

const OTHERS = `
CREATE TABLE latin (a VARCHAR(50), b TEXT) CHARACTER SET latin1 COLLATE latin1_german1_ci;
CREATE TABLE no_key (a INT, b VARCHAR(20));
CREATE TABLE \`back\`\`tick.dot "q" ' 表\` (\`col\`\`umn ä\` INT PRIMARY KEY, \`key\` INT, UNIQUE \`odd \`\` index\` (\`key\` DESC));
CREATE TABLE \`new
line\` (\`a
b\` INT PRIMARY KEY COMMENT 'two
lines', c INT DEFAULT 5 COMMENT '');
CREATE TABLE empty_one (a INT); CREATE TABLE counted (id INT AUTO_INCREMENT PRIMARY KEY) AUTO_INCREMENT=4711;
CREATE TABLE only_generated (a INT AS (1), b INT AS (2) STORED);
CREATE TABLE my_isam (a INT PRIMARY KEY, b TEXT, FULLTEXT ft (b)) ENGINE=MyISAM;
CREATE TABLE aria (a INT PRIMARY KEY) ENGINE=Aria TRANSACTIONAL=1;
CREATE TABLE mem (a INT) ENGINE=MEMORY;
CREATE TABLE fts (id INT PRIMARY KEY, a TEXT, FULLTEXT (a)) ENGINE=InnoDB;
CREATE TABLE spatial_one (id INT PRIMARY KEY, p POINT NOT NULL, SPATIAL INDEX (p));
CREATE TABLE parted (id INT, y INT, PRIMARY KEY (id, y)) PARTITION BY RANGE (y) SUBPARTITION BY HASH (id) SUBPARTITIONS 2
  (PARTITION p0 VALUES LESS THAN (2000), PARTITION pm VALUES LESS THAN MAXVALUE);
CREATE TABLE by_list (id INT, k INT) PARTITION BY LIST COLUMNS (k) (PARTITION a VALUES IN (1, 2), PARTITION b VALUES IN (3, NULL), PARTITION rest DEFAULT);
CREATE TABLE by_key (id INT PRIMARY KEY, a INT) PARTITION BY LINEAR KEY () PARTITIONS 3;
CREATE TABLE by_history (id INT PRIMARY KEY, v INT) WITH SYSTEM VERSIONING PARTITION BY SYSTEM_TIME (PARTITION h HISTORY, PARTITION n CURRENT);
CREATE TABLE indexes (a VARCHAR(200), b BLOB, c TEXT, d INT, UNIQUE long_one (b), KEY part (a(10), d DESC) COMMENT 'k', KEY hidden (d) IGNORED, KEY (c(20)) USING BTREE) ROW_FORMAT=DYNAMIC;
CREATE TABLE parent (id INT PRIMARY KEY, code VARCHAR(10) UNIQUE);
CREATE TABLE child (id INT PRIMARY KEY, parent_id INT, self INT,
  CONSTRAINT fk_p FOREIGN KEY (parent_id) REFERENCES parent (id) ON DELETE CASCADE ON UPDATE SET NULL,
  CONSTRAINT fk_self FOREIGN KEY (self) REFERENCES child (id));
CREATE TABLE first_a (id INT PRIMARY KEY, b INT);
CREATE TABLE second_b (id INT PRIMARY KEY, a INT, FOREIGN KEY (a) REFERENCES first_a (id));
ALTER TABLE first_a ADD FOREIGN KEY (b) REFERENCES second_b (id);
CREATE TABLE audit (id INT AUTO_INCREMENT PRIMARY KEY, what VARCHAR(200));
CREATE SEQUENCE plain_seq; CREATE SEQUENCE \`odd seq\` START WITH -5 INCREMENT BY -2 MINVALUE -1000 MAXVALUE 10 CYCLE NOCACHE;
CREATE TABLE numbered (id INT DEFAULT NEXTVAL(plain_seq) PRIMARY KEY, a INT);
CREATE TABLE history (id INT PRIMARY KEY, v VARCHAR(20)) WITH SYSTEM VERSIONING;
CREATE TABLE explicit_history (id INT PRIMARY KEY, v INT, s TIMESTAMP(6) GENERATED ALWAYS AS ROW START, e TIMESTAMP(6) GENERATED ALWAYS AS ROW END,
  PERIOD FOR SYSTEM_TIME (s, e)) WITH SYSTEM VERSIONING;
CREATE TABLE periods (id INT, f DATE, t DATE, PERIOD FOR app (f, t), PRIMARY KEY (id, app WITHOUT OVERLAPS));
CREATE VIEW a_first AS SELECT * FROM z_last;`;

const VIEWS = `
CREATE VIEW z_last AS SELECT id, i FROM \`all types\`;
CREATE OR REPLACE VIEW a_first AS SELECT id FROM z_last WHERE id > 0 WITH CASCADED CHECK OPTION;
CREATE ALGORITHM=TEMPTABLE SQL SECURITY INVOKER VIEW \`odd \`\` view\` (\`a b\`, c) AS SELECT COUNT(*), 'it''s \\\\ ü' FROM a_first;`;

/** Each with a session of its own: the settings that they are made under are kept with them. */
const STORED: readonly (readonly [settings: string, sql: string])[] = [
  [
    "SET sql_mode = 'ANSI_QUOTES,PIPES_AS_CONCAT'",
    `CREATE PROCEDURE "odd proc"(IN a INT, OUT b TEXT) COMMENT 'it''s; odd' BEGIN SET b = 'x' || "a"; IF a THEN SELECT 1; END IF; END`,
  ],
  [
    'SET NAMES latin1',
    `CREATE FUNCTION greet(n VARCHAR(20) CHARACTER SET latin1) RETURNS VARCHAR(50) DETERMINISTIC RETURN CONCAT('h\u00e9llo ', n)`,
  ],
  ["SET sql_mode = 'NO_BACKSLASH_ESCAPES'", "CREATE FUNCTION slash() RETURNS VARCHAR(10) RETURN 'a\\b'"],
  [
    'SET NAMES utf8mb4 COLLATE utf8mb4_unicode_ci',
    'CREATE FUNCTION `fünf`() RETURNS INT DETERMINISTIC RETURN 5 -- a comment at the end',
  ],
  ["SET sql_mode = 'ORACLE'", 'CREATE PACKAGE pack AS FUNCTION f1 RETURN INT; END'],
  [
    "SET sql_mode = 'ORACLE'",
    'CREATE PACKAGE BODY pack AS FUNCTION f1 RETURN INT AS BEGIN RETURN 1; END; END',
  ],
  [
    '',
    "CREATE TRIGGER t1 AFTER INSERT ON parent FOR EACH ROW INSERT INTO audit (what) VALUES (CONCAT('first ', NEW.id))",
  ],
  [
    "SET sql_mode = ''",
    "CREATE TRIGGER t0 AFTER INSERT ON parent FOR EACH ROW FOLLOWS t1 BEGIN INSERT INTO audit (what) VALUES ('second;'); END",
  ],
  ['', 'CREATE TRIGGER `odd ``trigger` BEFORE UPDATE ON parent FOR EACH ROW SET NEW.code = UPPER(NEW.code)'],
  [
    "SET time_zone = 'SYSTEM'",
    "CREATE EVENT nightly ON SCHEDULE EVERY 1 DAY STARTS '2037-01-01 03:00:00' ON COMPLETION PRESERVE COMMENT 'c' DO DELETE FROM audit WHERE id < 0",
  ],
  [
    "SET time_zone = '+05:30'",
    "CREATE EVENT `once ``only` ON SCHEDULE AT '2037-02-03 04:05:06' DISABLE DO BEGIN SELECT 1; END",
  ],
];

const ROWS = `
SET time_zone = '+02:00', sql_mode = 'NO_AUTO_VALUE_ON_ZERO,ALLOW_INVALID_DATES';
INSERT INTO \`all types\` (id, ti, tu, si, mi, i, bi, bu, de, d0, f, f2, d, d2, b1, b64, da, dt, dt6, ts, ts6, t, t6, y, c, vc, bin, vb, tb, bl, mb, lb,
  tt, tx, mt, lt, e, s, j, g, p, ls, po, inet, i4, u, inv, cmp, upd) VALUES
 (0, -128, 7, -32768, -8388608, -2147483648, -9223372036854775808, 18446744073709551615, -12345678901234567890123456789012345.123456789012345678901234567890, 9999999999,
  0.1, 1234.567, 1.7976931348623157e308, 1234567.8901, b'1', x'8000000000000001', '0000-00-00', '2023-02-31 00:00:00', '9999-12-31 23:59:59.999999',
  '1970-01-01 02:00:01', '2038-01-19 05:14:07.999999', '-838:59:59', '838:59:59.999999', 0, 'end  ', ' sp ', 'ab', x'00090A5C27220D1A', '', x'000102', 'x', 'y',
  '', 'tab\\tline\\nback\\\\slash \\0 nul ''q'' "d"', 'm', 'l', 'b''c', 'x,ö', '{"b":1, "a":[1.50,"ü"]}', ST_GEOMFROMTEXT('POINT(1 2)', 4326), POINT(0.1, -0.0),
  ST_GEOMFROMTEXT('LINESTRING(0 0,1 1)'), ST_GEOMFROMTEXT('POLYGON((0 0,1 0,1 1,0 0))'), '::ffff:1.2.3.4', '10.0.0.1', '123e4567-e89b-12d3-a456-426655440000', NULL, REPEAT('z', 500), '2024-03-31 02:30:00.123'),
 (1, 0,0,0,0,0,0,0,0,0, -0e0, 0, -0e0, 0, b'0', b'0', '2024-02-29', '0000-00-00 00:00:00', '2024-10-27 02:30:00.000001', '2024-10-27 02:30:00', '2024-03-31 03:00:00', '00:00:00', '-00:00:00.000001', 1901,
  '', '', '', '', '', '', '', '', '', '\\\\N', '', '', '', '', 'null', NULL, NULL, NULL, NULL, '::', NULL, NULL, 0, '', '2024-01-01'),
 (2, 1,1,1,1,1,1,1,1,1, 16777216, 0.001, 5e-324, 0.0001, NULL, NULL, '1000-01-01', NULL, NULL, NULL, NULL, NULL, NULL, 2155, 'é', REPEAT('😀', 20), NULL, NULL, NULL, NULL, NULL, NULL, NULL, NULL, NULL, NULL, 'ü', 'x,y,z', '"s"', NULL,NULL,NULL,NULL,NULL,NULL,NULL, 3, NULL, '2024-01-01'),
 (3, NULL,NULL,NULL,NULL,NULL,NULL,NULL,NULL,NULL, 3.4028234663852886e38, NULL, 0.30000000000000004, NULL, NULL,NULL,NULL,NULL,NULL,NULL,NULL,NULL,NULL,NULL,NULL,NULL,NULL,NULL,NULL,NULL,NULL,NULL,NULL,NULL,NULL,NULL,NULL,NULL,NULL,NULL,NULL,NULL,NULL,NULL,NULL,NULL,NULL,NULL, '2024-01-01'),
 (4, NULL,NULL,NULL,NULL,NULL,NULL,NULL,NULL,NULL, 1.17549435e-38, NULL, 2.2250738585072014e-308, NULL, NULL,NULL,NULL,NULL,NULL,NULL,NULL,NULL,NULL,NULL,NULL,NULL,NULL,NULL,NULL,NULL,NULL,NULL,NULL,NULL,NULL,NULL,NULL,NULL,NULL,NULL,NULL,NULL,NULL,NULL,NULL,NULL,NULL,NULL, '2024-01-01');
INSERT INTO \`new
line\` VALUES (1, 2); INSERT INTO by_list VALUES (1, 1), (2, NULL), (3, 99); INSERT INTO by_key VALUES (1, 1), (2, 2), (3, 3);
INSERT INTO by_history VALUES (1, 1), (2, 2); UPDATE by_history SET v = 3 WHERE id = 1; INSERT INTO indexes VALUES ('a', REPEAT('b', 5000), 'c', 1), (NULL, NULL, NULL, NULL);
INSERT INTO latin VALUES ('é€', CONVERT(x'C3A9' USING latin1)), ('ß', 'ss');
INSERT INTO no_key VALUES (2, 'b'), (1, 'a'), (2, 'b'), (NULL, NULL);
INSERT INTO \`back\`\`tick.dot "q" ' 表\` VALUES (1, 2), (-1, NULL);
INSERT INTO only_generated () VALUES (), ();
INSERT INTO my_isam VALUES (2, 'full text'), (1, NULL); INSERT INTO aria VALUES (1); INSERT INTO mem VALUES (1), (2);
INSERT INTO fts VALUES (1, 'some words'); INSERT INTO spatial_one VALUES (1, POINT(3, 4));
INSERT INTO parted VALUES (1, 1999), (2, 2001), (3, 2024);
INSERT INTO parent VALUES (1, 'one'), (2, 'two'); INSERT INTO child VALUES (1, 1, NULL), (2, 2, 1), (3, NULL, 3);
SET foreign_key_checks = 0; INSERT INTO first_a VALUES (1, 1); INSERT INTO second_b VALUES (1, 1); SET foreign_key_checks = 1;
INSERT INTO numbered (a) VALUES (1), (2); SELECT NEXTVAL(\`odd seq\`);
INSERT INTO history VALUES (1, 'a'), (2, 'b'); UPDATE history SET v = 'c' WHERE id = 1; DELETE FROM history WHERE id = 2;
INSERT INTO explicit_history (id, v) VALUES (1, 1); UPDATE explicit_history SET v = 2;
INSERT INTO periods VALUES (1, '2024-01-01', '2024-02-01');`;

/** Makes everything that MariaDB has in a database. */
export async function makeEverything(connect: () => Promise<Connection>): Promise<void> {
  const session = async (...statements: readonly string[]) => {
    const client = await connect();
    try {
      for (const sql of statements.filter((one) => one !== '')) await client.query(sql);
    } finally {
      await client.end();
    }
  };
  const columns = Object.keys(CHARSETS).map((name) => `\`${name}\` VARCHAR(30) CHARACTER SET ${name}`);
  const texts = Object.entries(CHARSETS).map(
    ([name, text]) => `CONVERT(_utf8mb4'${text.replaceAll('\\', '\\\\')}' USING ${name})`,
  );
  await session(
    `CREATE TABLE charsets (id INT PRIMARY KEY, ${columns.join(', ')}) CHARACTER SET utf8mb4`,
    `INSERT INTO charsets VALUES (1, ${texts.join(', ')})`,
    TYPES,
    OTHERS.replace(/CREATE VIEW a_first[^;]*;/, ''),
    ROWS,
    VIEWS,
  );
  for (const [settings, sql] of STORED) await session(settings, sql);
}
