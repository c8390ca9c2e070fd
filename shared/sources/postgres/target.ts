import type pg from 'pg';
import { HoldfastError } from '../../core/errors.ts';
import { plural } from '../../core/plural.ts';
import type { OnProgress } from '../../core/progress.ts';
import type { Source } from '../source.ts';
import type { BackupContents, RestoreOptions, RestorePlan, StoredDataset, Target } from '../target.ts';
import { disconnect, query } from './connection.ts';
import { isTableAttributes } from './datasets-attributes.ts';
import {
  type AdapterOptions,
  type Environment,
  type PostgresOptions,
  parsePostgresOptions,
  postgresName,
} from './options.ts';
import { chooseDatasets } from './restore-choice.ts';
import { conflictsOf, dropsOf, isShared, lookUp, type Presence } from './restore-conflicts.ts';
import { restoreData, Sessions } from './restore-data.ts';
import { refuseLostSchema, withoutBrokenObjects } from './restore-gaps.ts';
import { checkLargeObjects } from './restore-large-object-check.ts';
import { forServer } from './restore-older.ts';
import { checkRoles, listRoles, showRoles } from './restore-roles.ts';
import { findMissingTablespaces, restorePostData, restorePreData } from './restore-schema.ts';
import { type SchemaSelection, selectSchema } from './restore-selection.ts';
import { readScript, withRole } from './restore-text.ts';
import { calendarOf } from './session-settings.ts';
import { openSession } from './snapshot-session.ts';
import { PostgresSource } from './source.ts';
import { parseToc, type Toc, type TocEntry } from './toc.ts';

const DEFAULT_JOBS = 4;
const MOST_NAMED = 20;

/** @throws E_CONFIG listing every problem */
export function openPostgresTarget(url: string, options: AdapterOptions, env: Environment): PostgresTarget {
  return new PostgresTarget(parsePostgresOptions(url, options, env));
}

type RestoreRun = RestoreOptions & { readonly onProgress: OnProgress; readonly signal: AbortSignal };

/** What a restore is made of; the plan that people see is drawn from it. */
interface Work extends SchemaSelection {
  readonly pre: Toc;
  /** Every entry of the dump. */
  readonly all: readonly TocEntry[];
  readonly datasets: readonly StoredDataset[];
  /** Names of datasets; undefined: all. */
  readonly asked: ReadonlySet<string> | undefined;
  readonly presence: Presence;
  readonly missingRoles: readonly string[];
  readonly missingTablespaces: readonly string[];
  readonly largeObjects: number;
}

/** A PostgreSQL database to restore into. */
export class PostgresTarget implements Target {
  readonly kind = 'postgres';
  readonly comparesItself = false;
  readonly name: string;
  readonly #options: PostgresOptions;

  constructor(options: PostgresOptions) {
    this.#options = options;
    this.name = postgresName(options);
  }

  asSource(like: readonly StoredDataset[]): Source {
    return new PostgresSource(this.#options, { like });
  }

  async plan(contents: BackupContents, options: RestoreOptions, signal: AbortSignal): Promise<RestorePlan> {
    const client = await openSession(this.#options, signal);
    try {
      return this.#describe(await prepare(client, contents, options, signal), contents, options);
    } finally {
      await disconnect(client);
    }
  }

  async restore(contents: BackupContents, _: RestorePlan, options: RestoreRun): Promise<void> {
    const {
      signal,
      onProgress,
      replace = false,
      noOwner = false,
      noPrivileges = false,
      jobs = DEFAULT_JOBS,
    } = options;
    const [script] = withRole(contents.datasets, 'pre-data');
    await using sessions = new Sessions(this.#options, calendarOf(script?.attributes ?? {}), signal);
    const work = await sessions.use(async (client) => {
      const found = await prepare(client, contents, options, signal);
      refuse(this.#describe(found, contents, options), replace, found);
      const drops = replace ? dropsOf(found.presence, found.all) : [];
      const entries = found.preData.filter((entry) => !isShared(entry, found.presence));
      await restorePreData(
        client,
        { preamble: found.pre.preamble, entries, drops },
        { noOwner, noPrivileges, missingTablespaces: found.missingTablespaces, signal },
      );
      return found;
    });
    let done = 0;
    await restoreData(contents, work.datasets, {
      sessions,
      jobs,
      replace,
      noOwner,
      noPrivileges,
      signal,
      isWanted: wantedSequences(work),
      onBytes: (bytes) => {
        done += bytes;
        onProgress({ kind: 'done', plainBytes: done, storedBytes: 0 });
      },
      onTable: ({ name, records, plainBytes }) =>
        onProgress({ kind: 'dataset', dataset: name, records, plainBytes }),
    });
    onProgress({ kind: 'phase', phase: 'finish' });
    const postData = work.postData.filter((entry) => !work.presence.present.has(entry) || replace);
    const { missingTablespaces } = work;
    await restorePostData(sessions, postData, {
      noOwner,
      noPrivileges,
      missingTablespaces,
      jobs,
      signal,
      onUnfulfilled: options.damaged
        ? (message) => onProgress({ kind: 'warning', code: 'constraint', message })
        : undefined,
      onEntry: () => {},
    });
  }

  #describe(work: Work, contents: BackupContents, options: RestoreOptions): RestorePlan {
    const { replace = false, noOwner = false, noPrivileges = false } = options;
    const tables = work.datasets.filter(({ attributes }) => isTableAttributes(attributes));
    const records = tables.reduce((sum, dataset) => sum + dataset.records, 0);
    const drops = dropsOf(work.presence, work.all);
    const conflicts = conflictsOf(work.presence);
    if (work.largeObjects > 0) conflicts.push(plural(work.largeObjects, 'large object'));
    const others = work.datasets.filter((dataset) => !tables.includes(dataset)).map(({ name }) => name);
    const after = 'indexes, constraints, triggers, policies; refresh materialised views';
    const steps = [
      ...(replace && drops.length > 0
        ? [`drop ${plural(drops.length, 'object')} in the way, with what depends on them`]
        : []),
      `make ${plural(work.preData.length, 'object')} of ${contents.server}: schemas, types, functions, tables, views`,
      `write ${plural(records, 'row')} into ${plural(tables.length, 'table')}`,
      ...(others.length > 0 ? [`restore ${others.join(', ')}`] : []),
      ...(work.postData.length > 0 ? [`make ${plural(work.postData.length, 'object')}: ${after}`] : []),
      'read every table back and compare it with the backup',
    ];
    const warnings = [...work.warnings];
    if (work.missingRoles.length > 0) {
      warnings.push(
        `the target has no roles ${showRoles(work.missingRoles)}: create them, or pass --no-owner and --no-privileges`,
      );
    }
    // Sequence values are those of the whole database; owners of large objects are not restored with --no-owner.
    const isAsked = ({ name }: StoredDataset) => work.asked?.has(name) ?? true;
    const isSame = ({ attributes }: StoredDataset) =>
      attributes['role'] !== 'large-objects' || !(noOwner || noPrivileges);
    return {
      target: this.name,
      datasets: work.datasets.filter(isAsked),
      compare: work.datasets.filter((dataset) => isAsked(dataset) && isSame(dataset)),
      steps,
      conflicts,
      drops: replace ? drops : [],
      warnings,
    };
  }
}

async function prepare(
  client: pg.Client,
  contents: BackupContents,
  options: RestoreOptions,
  signal: AbortSignal,
): Promise<Work> {
  refuseLostSchema(contents, options);
  const read = async (role: 'pre-data' | 'post-data') => parseToc(await readScript(contents, role, signal));
  const scripts = [await read('pre-data'), await read('post-data')] as const;
  const adapted = await forServer(client, scripts, signal);
  const [pre, post] = adapted.scripts;
  const all = [...pre.entries, ...post.entries];
  const there = await lookUp(client, all, signal);
  const chosen = chooseDatasets(contents.datasets, options.datasets, pre);
  const { tables, asked } = chosen;
  const { datasets, leftOut } = withoutBrokenObjects(chosen.datasets, options);
  const selection =
    asked === undefined
      ? { preData: pre.entries, postData: post.entries, warnings: [] }
      : selectSchema(tables, { pre, post, has: (entry) => there.present.has(entry) });
  const largeObjects = await checkLargeObjects(client, contents, datasets, { ...options, signal });
  const roles = await listRoles(client, signal);
  const byRoles = checkRoles([...selection.preData, ...selection.postData], roles, options);
  const selected = new Set(byRoles.entries);
  const missingRoles = new Set([
    ...byRoles.missing,
    ...[...largeObjects.roles].filter((one) => !roles.has(one)),
  ]);
  const presence = { present: new Set([...there.present].filter((entry) => selected.has(entry))) };
  const missingTablespaces = await findMissingTablespaces(client, [...selected], signal);
  const warnings = [
    ...selection.warnings,
    ...leftOut,
    ...adapted.warnings,
    ...byRoles.warnings,
    ...missingTablespaces.map((name) => `the target has no tablespace ${name}: its default one is used`),
    ...(options.noPrivileges ? [] : await defaultPrivilegesWarning(client, signal)),
  ];
  return {
    preData: selection.preData.filter((entry) => selected.has(entry)),
    postData: selection.postData.filter((entry) => selected.has(entry)),
    warnings,
    pre,
    all,
    datasets,
    asked,
    presence,
    missingRoles: [...missingRoles].sort(),
    missingTablespaces,
    largeObjects: largeObjects.present,
  };
}

/** Default privileges act on what a restore makes, and pg_dump's GRANT and REVOKE do not know of them. */
async function defaultPrivilegesWarning(client: pg.Client, signal: AbortSignal): Promise<string[]> {
  const rows = await query(
    client,
    'SELECT 1 FROM pg_catalog.pg_default_acl a JOIN pg_catalog.pg_roles r ON r.oid = a.defaclrole WHERE r.rolname = current_user LIMIT 1',
    signal,
  );
  const text =
    'the target has default privileges for objects that this user makes (ALTER DEFAULT PRIVILEGES): they come on top of those of the backup';
  return rows.length > 0 ? [text] : [];
}

function refuse(plan: RestorePlan, replace: boolean, { missingRoles }: Work): void {
  if (plan.conflicts.length > 0 && !replace) {
    const named = plan.conflicts.slice(0, MOST_NAMED).join(', ');
    const more = plan.conflicts.length > MOST_NAMED ? ` and ${plan.conflicts.length - MOST_NAMED} more` : '';
    throw new HoldfastError(
      'E_TARGET_NOT_EMPTY',
      `the target has ${named}${more} already; nothing was changed`,
      {
        hint: 'Restore into an empty database, or pass --replace to drop these first.',
        details: { conflicts: plan.conflicts.length },
      },
    );
  }
  if (missingRoles.length === 0) return;
  throw new HoldfastError(
    'E_MISSING_ROLES',
    `the target has no roles ${showRoles(missingRoles)}; nothing was changed`,
    {
      hint: 'Create these roles, or pass --no-owner and --no-privileges.',
    },
  );
}

/** All sequences of a whole restore; of some tables, those that were made for them. */
function wantedSequences(work: Work): (schema: string, name: string) => boolean {
  if (work.asked === undefined) return () => true;
  const made = new Set(
    work.preData
      .filter(({ type }) => type === 'SEQUENCE')
      .map(({ schema, name }) => JSON.stringify([schema, name])),
  );
  return (schema, name) => made.has(JSON.stringify([schema, name]));
}
