import { duration, bytes as shownBytes } from '../../../../core/human.ts';
import { DAY_MS } from '../../../../core/units.ts';
import type { ChangeSetupOptions, ChangeSetupPlan } from '../../../changes.ts';
import { quoteIdent, quoteLiteral } from '../../text/identifiers.ts';
import type { TriggerState } from '../ddl/state.ts';
import { makeTriggersSql } from '../ddl/trigger.ts';
import type { SlotState } from '../slot.ts';
import type { PublishableTable, ServerFitness } from './inventory.ts';

/** The first version whose slots can have a limit (`max_slot_wal_keep_size`). */
export const OLDEST_WITH_LIMIT = 130_000;
/** The first version whose stream has messages of the application's sessions. */
const OLDEST_WITH_MESSAGES = 140_000;
/** Names in one sentence. */
const SHOWN = 20;

/** A database as it is before it is set up. */
export interface SetupSituation {
  /** Of slot and publication. */
  readonly name: string;
  readonly database: string;
  readonly fitness: ServerFitness;
  readonly slot: SlotState | undefined;
  readonly tables: readonly PublishableTable[];
  readonly triggers: TriggerState;
}

/** Says what has to be run, and what must not be. Pure. */
export function planSetup(situation: SetupSituation, options: ChangeSetupOptions): ChangeSetupPlan {
  const choice = chooseTables(situation.tables, options);
  return {
    statements: [
      ...triggerStatements(situation, options),
      ...roleStatements(situation),
      ...identityStatements(choice),
      ...publicationStatements(situation, choice),
      ...slotStatements(situation),
    ],
    refusals: [...serverRefusals(situation, options), ...existingRefusals(situation), ...choice.refusals],
    warnings: [
      ...limitWarnings(situation, options),
      ...triggerWarnings(situation, options),
      ...choice.warnings,
    ],
  };
}

interface Choice {
  /** What is named in the publication: tables, and parents whose partitions, also later ones, follow. */
  readonly published: readonly PublishableTable[];
  /** Tables that become REPLICA IDENTITY FULL. */
  readonly full: readonly PublishableTable[];
  readonly refusals: readonly string[];
  readonly warnings: readonly string[];
}

function chooseTables(
  tables: readonly PublishableTable[],
  { datasets, allDatasets = false }: ChangeSetupOptions,
): Choice {
  const holding = tables.filter(({ kind, isUnlogged }) => kind === 'r' && !isUnlogged);
  const wanted = datasets ? holding.filter(({ name }) => datasets.includes(name)) : holding;
  const unsafe = wanted.filter((table) => table.unsafe !== undefined);
  const unknown = (datasets ?? []).filter((name) => !holding.some((table) => table.name === name));
  const covered = allDatasets ? wanted : wanted.filter((table) => table.unsafe === undefined);
  const unlogged = tables.filter(({ isUnlogged }) => isUnlogged).map(({ name }) => name);
  return {
    published: withParents(tables, covered),
    full: allDatasets ? unsafe : [],
    refusals: [
      ...(unknown.length > 0
        ? [
            `No table is called ${list(unknown)}, or its changes cannot be kept. Name tables as backups do, such as public.orders.`,
          ]
        : []),
      ...(covered.length === 0
        ? [
            'No table can be covered: give tables primary keys, or pass --all-tables, which sets REPLICA IDENTITY FULL on tables without one.',
          ]
        : []),
    ],
    warnings: [
      ...unsafeWarnings(unsafe, allDatasets),
      ...(unlogged.length > 0
        ? [`Unlogged tables have no stream; their changes come with backups only: ${list(unlogged)}.`]
        : []),
    ],
  };
}

function unsafeWarnings(unsafe: readonly PublishableTable[], allDatasets: boolean): readonly string[] {
  if (unsafe.length === 0) return [];
  if (allDatasets)
    return [
      `These tables become REPLICA IDENTITY FULL, so that each UPDATE and DELETE writes the whole old row to the log: ${list(unsafe.map(({ name }) => name))}.`,
    ];
  const named = unsafe.map(({ name, unsafe: why }) => `${name} (${why})`);
  return [
    `These tables are left out, because the application's UPDATE and DELETE would fail if they were published: ${list(named)}. Their changes come with backups only. Give them primary keys, or pass --all-tables.`,
  ];
}

/** Partitions by their topmost parent if all of its partitions are covered, and one that is made later will be safe too. */
function withParents(
  tables: readonly PublishableTable[],
  covered: readonly PublishableTable[],
): readonly PublishableTable[] {
  const isCovered = new Set(covered.map(({ id }) => id));
  const whole = tables.filter(
    (parent) =>
      parent.kind === 'p' &&
      parent.root === undefined &&
      parent.unsafe === undefined &&
      tables.every(({ id, root, kind }) => root !== parent.id || kind === 'p' || isCovered.has(id)),
  );
  const roots = new Set(whole.map(({ id }) => id));
  return [...covered.filter(({ root }) => root === undefined || !roots.has(root)), ...whole].toSorted(
    (a, b) => (a.name < b.name ? -1 : 1),
  );
}

/** First, so that nothing is set up if the login may not do this. */
function triggerStatements(
  { name, fitness, triggers }: SetupSituation,
  { definitions = false }: ChangeSetupOptions,
): ChangeSetupPlan['statements'] {
  if (!definitions || triggers.problem === undefined) return [];
  return [
    {
      sql: makeTriggersSql(name, fitness.user),
      why: 'Event triggers note each statement that changes definitions in the stream, where it happened, and publish new tables that have a primary key. If they fail, the statement does not. Their messages are sealed with a key that only this login may read. Needs a superuser (on RDS and Aurora: rds_superuser).',
    },
  ];
}

function triggerWarnings(
  { fitness, triggers }: SetupSituation,
  { definitions = false }: ChangeSetupOptions,
): readonly string[] {
  if (!definitions || triggers.problem === undefined || fitness.mayTrigger) return [];
  return [
    `${fitness.user} is no superuser, and may not be allowed to make event triggers: have one run what \`pitr setup --ddl --print\` prints.`,
  ];
}

function roleStatements({ fitness }: SetupSituation): ChangeSetupPlan['statements'] {
  if (fitness.mayReplicate) return [];
  return [
    {
      sql: `ALTER ROLE ${quoteIdent(fitness.user)} REPLICATION`,
      why: 'The login must be allowed to read a replication slot; it needs no privilege on any table. On RDS, grant it rds_replication instead.',
    },
  ];
}

function identityStatements({ full }: Choice): ChangeSetupPlan['statements'] {
  return full.map(({ place, name }) => ({
    sql: `ALTER TABLE ${place} REPLICA IDENTITY FULL`,
    why: `${name} has no key: without this, its UPDATE and DELETE would fail once it is published.`,
  }));
}

function publicationStatements(
  { name, fitness, tables }: SetupSituation,
  { published }: Choice,
): ChangeSetupPlan['statements'] {
  const publication = quoteIdent(name);
  if (published.length === 0) return [];
  if (!fitness.publication)
    return [
      {
        sql: `CREATE PUBLICATION ${publication} FOR TABLE ${published.map(({ place }) => `ONLY ${place}`).join(', ')}
  WITH (publish = 'insert, update, delete, truncate', publish_via_partition_root = false)`,
        why: 'Names the tables whose changes are kept. It must exist before the slot: an older slot cannot use it.',
      },
    ];
  const add = published.filter(({ isPublished }) => !isPublished);
  const drop = tables.filter((table) => table.isPublished && !published.includes(table));
  return [
    ...add.map(({ place, name: table }) => ({
      sql: `BEGIN; SET LOCAL lock_timeout = '5s'; LOCK TABLE ONLY ${place} IN SHARE ROW EXCLUSIVE MODE; ALTER PUBLICATION ${publication} ADD TABLE ONLY ${place}; COMMIT`,
      why: `Adds ${table}. The lock waits for transactions that are writing to it, whose changes would be missing. Make a new backup afterwards.`,
    })),
    ...(drop.length > 0
      ? [
          {
            sql: `ALTER PUBLICATION ${publication} DROP TABLE ONLY ${drop.map(({ place }) => place).join(', ONLY ')}`,
            why: `No longer covered: ${list(drop.map((table) => table.name))}.`,
          },
        ]
      : []),
  ];
}

function slotStatements({ name, slot }: SetupSituation): ChangeSetupPlan['statements'] {
  if (slot) return [];
  return [
    {
      sql: `SELECT pg_catalog.pg_create_logical_replication_slot(${quoteLiteral(name)}, 'pgoutput')`,
      why: 'From here on the server keeps its log until the changes in it are stored. Making the slot waits for open transactions.',
    },
  ];
}

function serverRefusals(
  { fitness, slot }: SetupSituation,
  { mostHeldBytes, definitions = false }: ChangeSetupOptions,
): readonly string[] {
  const { version, shown, isStandby, walLevel, keepBytes, freeSlots } = fitness;
  return [
    ...(version < OLDEST_WITH_LIMIT
      ? [
          `The server is PostgreSQL ${shown}, whose slots can fill the disk without limit: continuous backup needs PostgreSQL 13 or later.`,
        ]
      : []),
    ...(definitions && version >= OLDEST_WITH_LIMIT && version < OLDEST_WITH_MESSAGES
      ? [
          `The server is PostgreSQL ${shown}, whose stream has no messages: statements that change definitions need PostgreSQL 14 or later. Set it up without --ddl.`,
        ]
      : []),
    ...(isStandby ? ['The server is a standby: set up the primary.'] : []),
    ...(walLevel === 'logical'
      ? []
      : [
          `wal_level is '${walLevel}', and a stream needs more in the log. Set it to 'logical' and restart the server (on RDS and Aurora: rds.logical_replication = 1, and a reboot).`,
        ]),
    ...(keepBytes === undefined && mostHeldBytes === undefined
      ? [
          "max_slot_wal_keep_size is -1: if polls stopped, the held log would fill the disk and stop the database. Set it (ALTER SYSTEM SET max_slot_wal_keep_size = '20GB'), or set continuous.mostHeldMiB, the limit at which the watchdog drops the slot.",
        ]
      : []),
    ...(!slot && freeSlots < 1
      ? [
          'All replication slots are in use. Raise max_replication_slots and restart the server, or drop a slot that nobody reads.',
        ]
      : []),
  ];
}

function existingRefusals({ name, database, fitness, slot }: SetupSituation): readonly string[] {
  const { publication } = fitness;
  const refusals: string[] = [];
  if (slot && (slot.database !== database || slot.plugin !== 'pgoutput'))
    refusals.push(
      `The slot ${name} belongs to the database ${slot.database} and the plugin ${slot.plugin}. Choose another name for this source's slot.`,
    );
  else if (slot && !publication)
    refusals.push(
      `The slot ${name} is older than its publication, which is missing: it could never be read, or would skip changes. Run holdfast pitr remove first, then holdfast pitr setup.`,
    );
  if (publication?.isOfAllTables)
    refusals.push(
      `The publication ${name} has all tables, including later ones: the application's UPDATE of a table without a key fails. Drop it first (DROP PUBLICATION ${quoteIdent(name)}).`,
    );
  if (publication && (!publication.hasAllChanges || publication.isViaRoot || publication.partial.length > 0))
    refusals.push(
      `The publication ${name} leaves changes out: it must publish inserts, updates, deletes and truncates of whole rows, by partition. Drop it and the slot first.`,
    );
  return refusals;
}

function limitWarnings(
  { fitness }: SetupSituation,
  { mostHeldBytes }: ChangeSetupOptions,
): readonly string[] {
  const { keepBytes, idleSlotMs } = fitness;
  const warnings: string[] = [];
  if (keepBytes === undefined && mostHeldBytes !== undefined)
    warnings.push(
      `max_slot_wal_keep_size is -1: only the watchdog keeps the log from filling the disk; it drops the slot at ${shownBytes(mostHeldBytes)}.`,
    );
  if (keepBytes !== undefined && mostHeldBytes !== undefined && mostHeldBytes > keepBytes)
    warnings.push(
      `max_slot_wal_keep_size is ${shownBytes(keepBytes)}: the server releases its log before continuous.mostHeldMiB (${shownBytes(mostHeldBytes)}) is reached.`,
    );
  if (idleSlotMs !== undefined && idleSlotMs < DAY_MS)
    warnings.push(
      `idle_replication_slot_timeout is ${duration(idleSlotMs)}: the server gives the slot up if polls stop for that long.`,
    );
  return warnings;
}

function list(names: readonly string[]): string {
  const more = names.length > SHOWN ? ` and ${names.length - SHOWN} more` : '';
  return `${names.slice(0, SHOWN).join(', ')}${more}`;
}
