import { PacketReader } from '../../connection/wire-values.ts';
import { quoteText } from '../../text/identifiers.ts';

/** Bits of the log's flags of a session; the last three are MariaDB's. */
const FLAG = {
  autoIsNull: 1 << 14,
  noForeignKeys: 1 << 26,
  relaxedUnique: 1 << 27,
  noConstraints: 1 << 15,
  explicitDefaults: 1 << 24,
  insertsHistory: 1 << 30,
} as const;
/** What is not said was not used, or is this. */
const DEFAULTS = {
  auto_increment_increment: '1',
  auto_increment_offset: '1',
  lc_time_names: '0',
  collation_database: 'DEFAULT',
};

/** Session settings by name, as text of SQL. */
type Settings = Map<string, string>;

const READERS: Readonly<Record<number, (reader: PacketReader, settings: Settings) => void>> = {
  0: (reader, settings) => {
    const flags = reader.integer(4);
    settings.set('foreign_key_checks', flags & FLAG.noForeignKeys ? '0' : '1');
    settings.set('unique_checks', flags & FLAG.relaxedUnique ? '0' : '1');
    settings.set('sql_auto_is_null', flags & FLAG.autoIsNull ? '1' : '0');
    settings.set('check_constraint_checks', flags & FLAG.noConstraints ? '0' : '1');
    settings.set('explicit_defaults_for_timestamp', flags & FLAG.explicitDefaults ? '1' : '0');
    settings.set('system_versioning_insert_history', flags & FLAG.insertsHistory ? '1' : '0');
  },
  1: (reader, settings) => {
    const low = BigInt(reader.integer(4));
    settings.set('sql_mode', String(low + (BigInt(reader.integer(4)) << 32n)));
  },
  2: (reader) => void reader.bytes(reader.integer(1) + 1),
  3: (reader, settings) => {
    settings.set('auto_increment_increment', String(reader.integer(2)));
    settings.set('auto_increment_offset', String(reader.integer(2)));
  },
  4: (reader, settings) => {
    settings.set('character_set_client', String(reader.integer(2)));
    settings.set('collation_connection', String(reader.integer(2)));
    settings.set('collation_server', String(reader.integer(2)));
  },
  5: (reader, settings) => {
    const zone = reader.bytes(reader.integer(1)).toString('utf8');
    if (zone !== '') settings.set('time_zone', quoteText(zone));
  },
  6: (reader) => void reader.bytes(reader.integer(1)),
  7: (reader, settings) => settings.set('lc_time_names', String(reader.integer(2))),
  8: (reader, settings) => settings.set('collation_database', String(reader.integer(2))),
  9: (reader) => void reader.bytes(8),
  10: (reader) => void reader.bytes(4),
  11: (reader) => {
    reader.bytes(reader.integer(1));
    reader.bytes(reader.integer(1));
  },
  12: (reader) => {
    const count = reader.integer(1);
    if (count < 254) for (let i = 0; i < count; i++) reader.text();
  },
  13: (reader, settings) => settings.set(MICROSECONDS, String(reader.integer(3))),
  16: (reader, settings) => settings.set('explicit_defaults_for_timestamp', String(reader.integer(1))),
  17: (reader) => void reader.bytes(8),
  18: (reader) => void reader.bytes(2),
  19: (reader) => void reader.bytes(1),
  20: (reader) => void reader.bytes(1),
  128: (reader, settings) => settings.set(MICROSECONDS, String(reader.integer(3))),
  129: (reader) => void reader.bytes(8),
};
const MICROSECONDS = ' microseconds';

/** What the target knows. */
export interface TargetSettings {
  readonly isKnown: (name: string) => boolean;
  /** Names of character sets by the number of a collation of theirs, which the log has. */
  readonly charsets: ReadonlyMap<string, string>;
}

/**
 * The session that a statement of the log ran in, as a statement of SET: its modes, character sets, zone, checks, and its moment.
 * What follows an entry that nobody here knows is left as it is.
 *
 */
export function contextSql(
  { status, timestamp }: { readonly status: Buffer; readonly timestamp: number },
  { isKnown, charsets }: TargetSettings,
): string {
  const settings: Settings = new Map(Object.entries(DEFAULTS));
  const reader = new PacketReader(status);
  while (!reader.isAtEnd) {
    const read = READERS[reader.integer(1)];
    if (!read) break;
    read(reader, settings);
  }
  const charset = charsets.get(settings.get('character_set_client') ?? '');
  if (charset !== undefined) settings.set('character_set_client', charset);
  const fraction = settings.get(MICROSECONDS);
  settings.delete(MICROSECONDS);
  const moment = fraction === undefined ? timestamp : `${timestamp}.${fraction.padStart(6, '0')}`;
  settings.set('timestamp', String(moment));
  return `SET ${[...settings]
    .filter(([name]) => isKnown(name))
    .map(([name, value]) => `SESSION ${name} = ${value}`)
    .join(', ')}`;
}
