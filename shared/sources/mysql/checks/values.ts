import { bytes as shownBytes } from '../../../core/human.ts';
import { MiB } from '../../../core/units.ts';
import { type CheckResult, differs, holds, unknown } from '../../source-checks.ts';
import { isGranted, readGrants } from '../connection/grants.ts';
import { openSession } from '../connection/session-settings.ts';
import type { ColumnAttributes, ColumnClass, TableAttributes } from '../datasets/attributes.ts';
import { WHOLE } from '../datasets/partitions.ts';
import { insertRows } from '../rows/insert-rows.ts';
import { readRecords } from '../rows/read-rows.ts';
import { selectSql } from '../rows/statements.ts';
import { readAccounts } from '../users/accounts.ts';
import { askOne, type Look, type MysqlCheck } from './look.ts';

/** A temporary table: only the session that makes it sees it, and the server drops it with the session. */
const TABLE = 'holdfast_values';
/** Smaller, and rows that people have do not fit. */
const LEAST_PACKET_BYTES = 16 * MiB;

interface Value {
  readonly type: string;
  readonly class: ColumnClass;
  /** As a record of a backup has it. */
  readonly record: string;
  readonly charset?: string;
}

/** What some server, or some setting, gives otherwise than it was stored. Characters are bytes. */
const VALUES: readonly Value[] = [
  { type: 'bigint unsigned', class: 'number', record: '18446744073709551615' },
  { type: 'decimal(65,30)', class: 'number', record: `-${'9'.repeat(35)}.${'1'.repeat(30)}` },
  { type: 'float', class: 'number', record: '0.10000000149011612' },
  { type: 'double', class: 'number', record: '0.30000000000000004' },
  { type: 'date', class: 'time', record: '0000-00-00' },
  { type: 'datetime', class: 'time', record: '2023-02-31 00:00:00' },
  { type: 'timestamp(6) null', class: 'time', record: '2024-10-27 01:30:00.000001' },
  { type: 'time(6)', class: 'time', record: '-838:59:58.999999' },
  { type: 'year', class: 'number', record: '2155' },
  { type: 'bit(64)', class: 'binary', record: '\x80\\0\\0\\0\\0\\0\\0\x01' },
  { type: 'blob', class: 'binary', record: '\\0\\t\\n\\\\\'"\x1a\r\xff' },
  { type: 'char(5) character set latin1', class: 'text', record: '\xe9\x80', charset: 'latin1' },
  {
    type: 'varchar(9) character set utf8mb4',
    class: 'text',
    record: '\xf0\x9f\x98\x80 ',
    charset: 'utf8mb4',
  },
  { type: "enum('a','b''c') character set latin1", class: 'text', record: "b'c", charset: 'latin1' },
  { type: "set('x','y','z') character set latin1", class: 'text', record: 'x,z', charset: 'latin1' },
  {
    type: 'point',
    class: 'binary',
    record: `${'\\0'.repeat(4)}\x01\x01${'\\0'.repeat(9)}\xf0?${'\\0'.repeat(7)}@`,
  },
  { type: 'text character set utf8mb4', class: 'text', record: '\\N', charset: 'utf8mb4' },
];

export const VALUE_CHECKS: readonly MysqlCheck[] = [
  {
    name: 'values',
    writes: true,
    assumes: 'Values of all types come back as they were written.',
    neededFor: 'backup',
    follows: 'A backup, or a restore, could hold something else than the database.',
    needs: 'login',
    look: checkValues,
  },
  {
    name: 'packet',
    onlyFor: 'restore',
    assumes: 'The server takes statements as large as rows may be.',
    neededFor: 'restore',
    follows: 'Rows that are larger cannot be restored there.',
    needs: 'login',
    look: async (look, signal) => {
      const most = Number(await askOne(look, 'SELECT @@max_allowed_packet', signal));
      const seen = `max_allowed_packet is ${shownBytes(most)}`;
      if (most >= LEAST_PACKET_BYTES) return holds(seen);
      return differs(seen, {
        isMinor: true,
        fix: 'SET GLOBAL max_allowed_packet = 1073741824 on the server.',
      });
    },
  },
];

/** Of a source whose backups hold users. */
export const USER_CHECK: MysqlCheck = {
  name: 'users',
  onlyFor: 'backup',
  assumes: 'This user may read the users of the server and what they may do.',
  neededFor: 'backup',
  follows: 'No backup can be made with the option `users`.',
  needs: 'login',
  look: async ({ session }, signal) => {
    if (!session) return unknown('there is no session');
    const { accounts } = await readAccounts(session, signal);
    return holds(`${accounts.length} users and roles`);
  },
};

/** Writes with the code of restores and reads with that of backups, as what they do is in question. */
async function checkValues({ options }: Look, signal: AbortSignal): Promise<CheckResult> {
  const { database } = options;
  if (database === undefined) return unknown('no database is chosen');
  const session = await openSession(options, signal, { use: 'write' });
  try {
    if (!isGranted(await readGrants(session, database, signal), 'CREATE TEMPORARY TABLES'))
      return unknown('this user may not make temporary tables');
    const columns = VALUES.map((value, i): ColumnAttributes => {
      const { type, class: kind, charset = null } = value;
      return { name: `c${i}`, type, class: kind, charset };
    });
    const definition = columns.map(({ name, type }) => `${name} ${type}`).join(', ');
    await session.query(`CREATE TEMPORARY TABLE ${TABLE} (${definition}) ENGINE=InnoDB`, signal);
    const attributes: TableAttributes = {
      role: 'table',
      table: TABLE,
      engine: 'InnoDB',
      columns,
      order: [],
      isVersioned: false,
      bounds: [],
    };
    const wanted = Buffer.from(`${VALUES.map(({ record }) => record).join('\t')}\n`, 'latin1');
    const write = { object: TABLE, mostBytes: MiB, signal, onBytes: () => {} };
    await insertRows(session, attributes, blocksOf(wanted), write);
    await session.query("SET SESSION sql_mode = ''", signal);
    const blocks: Buffer[] = [];
    for await (const block of readRecords(session, selectSql(attributes, WHOLE), signal, { object: TABLE }))
      blocks.push(Buffer.from(block));
    return judge(Buffer.concat(blocks).toString('latin1'), wanted.toString('latin1'));
  } finally {
    await session.close();
  }
}

async function* blocksOf(bytes: Buffer): AsyncGenerator<Uint8Array> {
  yield Buffer.from(bytes);
}

function judge(found: string, wanted: string): CheckResult {
  if (found === wanted) return holds(`${VALUES.length} types came back as they were written`);
  const [got, want] = [found, wanted].map((text) => text.slice(0, -1).split('\t'));
  const wrong = VALUES.flatMap(({ type }, i) =>
    got?.[i] === want?.[i] ? [] : [`${type}: ${JSON.stringify(got?.[i])}, not ${JSON.stringify(want?.[i])}`],
  );
  return differs(wrong.join('; '), {
    code: 'E_SOURCE_UNSUPPORTED',
    fix: 'Report it with the version of the server; until then, trust no backup of such columns.',
  });
}
