import { isGranted, isGrantedGlobally } from '../../connection/grants.ts';
import { displayName, quoteName } from '../../text/identifiers.ts';
import type { LogFacts } from './facts.ts';

/** What a look showed. */
export interface Finding {
  /** In a few words. */
  readonly seen: string;
  /** Runs without a restart and mends it, with why it is needed. */
  readonly statement?: { readonly sql: string; readonly why: string };
  /** Changes can be stored and restored without the statement. @default false */
  readonly isOptional?: boolean;
  /** No statement mends it: why, and what to do. */
  readonly refusal?: string;
  /** It works, and this is to be known. */
  readonly warning?: string;
}

/** Something that a stream of changes needs. */
export interface Requirement {
  readonly name: string;
  /** One sentence. */
  readonly assumes: string;
  readonly follows: string;
  look(facts: LogFacts): Finding;
}

const DAY_SECONDS = 86_400;
const KEPT_DAYS = 3;
const MOST_NAMED = 10;

const setting = ({ settings }: LogFacts, name: string) => settings.get(name) ?? '';
const isOn = (facts: LogFacts, name: string) => /^(ON|1)$/i.test(setting(facts, name));

/** RDS takes server settings from its parameter group. */
function setGlobal({ isRds }: LogFacts, name: string, value: string): string {
  return isRds ? `-- in the parameter group: ${name} = ${value}` : `SET GLOBAL ${name} = '${value}'`;
}

export const REQUIREMENTS: readonly Requirement[] = [
  {
    name: 'binary-log',
    assumes: 'The server keeps a binary log.',
    follows: 'No change can be read.',
    look: (facts) =>
      isOn(facts, 'log_bin')
        ? { seen: 'log_bin is ON' }
        : {
            seen: 'log_bin is OFF',
            refusal:
              'The server keeps no binary log (log_bin is OFF). Set log_bin and server_id in its configuration and restart it; on RDS, turn on automated backups.',
          },
  },
  {
    name: 'rows',
    assumes: 'Changes are in the log as rows.',
    follows: 'A restore cannot go past a change that was logged as a statement.',
    look: (facts) =>
      mustBe(
        facts,
        'binlog_format',
        'ROW',
        'a statement could have another effect when it runs again; open sessions keep their format',
      ),
  },
  {
    name: 'row-image',
    assumes: 'The log has whole rows, before and after a change.',
    follows: 'Changes cannot be compared with the rows of a backup.',
    look: (facts) =>
      mustBe(facts, 'binlog_row_image', 'FULL', 'so that a row can be found and compared by all its columns'),
  },
  {
    name: 'row-names',
    assumes: 'The log says what the columns of a table are called.',
    follows: 'Backups are not proven by the changes between them, and no transaction can be undone.',
    look: lookAtNames,
  },
  {
    name: 'row-values',
    assumes: 'The log has whole JSON values.',
    follows: 'Changes of JSON cannot be read.',
    look: (facts) =>
      facts.settings.has('binlog_row_value_options')
        ? mustBe(facts, 'binlog_row_value_options', '', 'parts of JSON values cannot be read')
        : { seen: 'the server has no other way' },
  },
  {
    name: 'checksums',
    assumes: 'Each event of the log has a checksum.',
    follows: 'Damage between the disk of the server and Holdfast goes unnoticed.',
    look: (facts) =>
      mustBe(
        facts,
        'binlog_checksum',
        'CRC32',
        'so that a damaged event is noticed; the server begins a new file of its log',
      ),
  },
  {
    name: 'filters',
    assumes: 'All changes of the database are in the log.',
    follows: 'Changes would be missing, and nobody would notice.',
    look: lookAtFilters,
  },
  {
    name: 'retention',
    assumes: 'The server keeps its log for a day at least.',
    follows: 'Changes are lost after an outage of the poller.',
    look: lookAtRetention,
  },
  {
    name: 'log-rights',
    assumes: 'This user may read the log.',
    follows: 'No change can be read.',
    look: lookAtRights,
  },
  {
    name: 'definitions',
    assumes: 'This user sees the tables of the database.',
    follows: 'Nobody would notice that a definition has changed.',
    look: (facts) =>
      isGranted(facts.grants, 'SELECT')
        ? { seen: 'it may SELECT' }
        : {
            seen: 'the user lacks SELECT on the database',
            statement: {
              sql: `GRANT SELECT ON ${quoteName(facts.database).replaceAll('_', '\\_')}.* TO ${facts.user}`,
              why: 'the poller reads definitions and sequences, no rows',
            },
          },
  },
  {
    name: 'tables',
    assumes: 'All tables have snapshots and a key.',
    follows: 'A restore has tables without snapshots as in the backup, and is slow for tables without a key.',
    look: lookAtTables,
  },
];

function mustBe(facts: LogFacts, name: string, wanted: string, why: string): Finding {
  const value = setting(facts, name);
  if (value.toUpperCase() === wanted) return { seen: `${name} is ${wanted === '' ? 'empty' : wanted}` };
  return {
    seen: `${name} is ${value}`,
    statement: { sql: setGlobal(facts, name, wanted), why: `${name} is ${value}: ${why}` },
  };
}

const NAMES_WHY =
  'without names of columns, what rows of the log hold cannot be told: no proofs, no undo, no minutes in the history of a row. It makes the log longer by the names, once for each statement';

function lookAtNames(facts: LogFacts): Finding {
  const name = 'binlog_row_metadata';
  if (!facts.settings.has(name))
    return {
      seen: `the server knows no ${name}`,
      warning:
        'MariaDB before 10.5 and MySQL before 8.0.1 do not log names of columns: changes can be restored, and neither proven nor undone.',
    };
  const found = mustBe(facts, name, 'FULL', NAMES_WHY);
  if (found.statement === undefined) return found;
  if (!facts.isRds) return { ...found, isOptional: true };
  return { seen: found.seen, warning: `Set ${name} = FULL in the parameter group: ${NAMES_WHY}.` };
}

function lookAtFilters(facts: LogFacts): Finding {
  const { status, database, isReplica } = facts;
  if (isReplica && !isOn(facts, 'log_slave_updates') && !isOn(facts, 'log_replica_updates'))
    return {
      seen: 'changes that arrive from another server are not logged here',
      refusal:
        'The server is a replica and does not log what it applies. Set log_slave_updates (log_replica_updates) and restart it, or read from its primary.',
    };
  if (!status) return { seen: 'this user may not ask' };
  const names = (list: string) => list.split(',').filter((name) => name !== '');
  const isOut =
    names(status.ignoreDb).includes(database) ||
    (status.doDb !== '' && !names(status.doDb).includes(database));
  if (isOut)
    return {
      seen: `binlog_do_db is ${JSON.stringify(status.doDb)}, binlog_ignore_db ${JSON.stringify(status.ignoreDb)}`,
      refusal: `The server keeps changes of ${database} out of its log (binlog_do_db, binlog_ignore_db). Remove that from its configuration and restart it.`,
    };
  return { seen: 'no filter keeps the database out' };
}

function lookAtRetention(facts: LogFacts): Finding {
  if (facts.isRds)
    return {
      seen: 'RDS: no setting shows it',
      statement: {
        sql: `CALL mysql.rds_set_configuration('binlog retention hours', ${KEPT_DAYS * 24})`,
        why: 'RDS removes its log as soon as it can, unless told to keep it',
      },
    };
  const seconds = Math.max(
    Number(setting(facts, 'binlog_expire_logs_seconds') || 0),
    Number(setting(facts, 'expire_logs_days') || 0) * DAY_SECONDS,
  );
  if (seconds === 0)
    return {
      seen: 'the server keeps its log until somebody purges it',
      warning:
        'The server never removes its binary log by itself, with or without Holdfast: watch its disk, or set binlog_expire_logs_seconds (expire_logs_days).',
    };
  if (seconds >= DAY_SECONDS) return { seen: `it keeps ${Math.round(seconds / 3600)} hours` };
  const isOld = !facts.settings.has('binlog_expire_logs_seconds');
  return {
    seen: `it keeps ${Math.round(seconds / 60)} minutes`,
    statement: {
      sql: isOld
        ? setGlobal(facts, 'expire_logs_days', String(KEPT_DAYS)).replaceAll("'", '')
        : setGlobal(facts, 'binlog_expire_logs_seconds', String(KEPT_DAYS * DAY_SECONDS)).replaceAll("'", ''),
      why: 'after an outage the poller needs what was logged meanwhile; the log of these days must fit on the disk',
    },
  };
}

function lookAtRights({ grants, isMariaDb, version, user }: LogFacts): Finding {
  const monitor = isMariaDb && version >= 100_502 ? 'BINLOG MONITOR' : 'REPLICATION CLIENT';
  const names = ['REPLICATION SLAVE', monitor];
  const missing = names.filter(
    (name) =>
      !isGrantedGlobally(grants, name) &&
      !(name === monitor && isGrantedGlobally(grants, 'REPLICATION CLIENT')),
  );
  if (missing.length === 0) return { seen: `it has ${names.join(' and ')}` };
  return {
    seen: `the user lacks ${missing.join(', ')}`,
    statement: {
      sql: `GRANT ${missing.join(', ')} ON *.* TO ${user}`,
      why: 'REPLICATION SLAVE lets a user read the log, with the changes of all databases of the server; the other privilege lets it ask where the log ends',
    },
  };
}

function lookAtTables({ looseTables, keylessTables }: LogFacts): Finding {
  const listed = (names: readonly string[]) =>
    `${names.slice(0, MOST_NAMED).map(displayName).join(', ')}${names.length > MOST_NAMED ? ` and ${names.length - MOST_NAMED} more` : ''}`;
  const warnings = [
    ...(looseTables.length === 0
      ? []
      : [
          `${listed(looseTables)}: tables of engines without snapshots. A restore to a moment has them as in the backup. ALTER TABLE … ENGINE=InnoDB covers them.`,
        ]),
    ...(keylessTables.length === 0
      ? []
      : [
          `${listed(keylessTables)}: tables without a primary or unique key. A restore is slow for them: the server scans the table for each updated or deleted row.`,
        ]),
  ];
  if (warnings.length === 0) return { seen: 'all have' };
  return { seen: warnings.join(' '), warning: warnings.join(' ') };
}
