import { HoldfastError } from '../../core/errors.ts';
import { plural } from '../../core/plural.ts';
import type { BackupContents, StoredDataset } from '../contents.ts';
import type { Source } from '../source.ts';
import {
  comparingStep,
  type RestoreFailure,
  type RestoreOptions,
  type RestorePlan,
  type Target,
} from '../target.ts';
import { disconnect } from './connection/connection.ts';
import {
  type AdapterOptions,
  type Environment,
  type PostgresOptions,
  parsePostgresOptions,
  postgresName,
} from './connection/options.ts';
import { calendarSettings } from './connection/session-settings.ts';
import { isTableAttributes } from './datasets/attributes.ts';
import { conflictsOf, dropsOf, isShared } from './restore/conflicts.ts';
import { restoreData, WriteSessions } from './restore/data.ts';
import { restorePostData, restorePreData } from './restore/schema.ts';
import { withRole } from './restore/text.ts';
import { prepareRestore, type RestoreWork } from './restore/work.ts';
import { checkGlobals } from './roles/restore-globals.ts';
import { showRoles } from './roles/restore-roles.ts';
import { openSession } from './snapshot/session.ts';
import { PostgresSource } from './source.ts';

const DEFAULT_JOBS = 4;
const MOST_NAMED = 20;

/** @throws E_CONFIG listing every problem */
export function openPostgresTarget(url: string, options: AdapterOptions, env: Environment): PostgresTarget {
  return new PostgresTarget(parsePostgresOptions(url, options, env));
}

type RestoreRun = Parameters<Target['restore']>[2];

/** A PostgreSQL database to restore into. */
export class PostgresTarget implements Target {
  readonly kind = 'postgres';
  readonly comparesItself = false;
  readonly specialOptions = ['keepGoing', 'roles'] as const;
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
      return this.#describe(await prepareRestore(client, contents, options, signal), contents, options);
    } finally {
      await disconnect(client);
    }
  }

  async restore(contents: BackupContents, _: RestorePlan, options: RestoreRun): Promise<void> {
    const {
      signal,
      onProgress,
      onFailure,
      keepGoing = false,
      replace = false,
      noOwner = false,
      noPrivileges = false,
      jobs = DEFAULT_JOBS,
    } = options;
    const [script] = withRole(contents.datasets, 'pre-data');
    await using sessions = new WriteSessions(
      this.#options,
      calendarSettings(script?.attributes ?? {}),
      signal,
    );
    const work = await sessions.use(async (client) => {
      const found = await prepareRestore(client, contents, options, signal);
      refuse(this.#describe(found, contents, options), replace, found);
      const drops = replace ? dropsOf(found.presence, found.all) : [];
      const entries = [
        ...(found.globals?.entries ?? []),
        ...found.preData.filter((entry) => !isShared(entry, found.presence)),
      ];
      await restorePreData(
        client,
        { preamble: found.pre.preamble, entries, drops },
        {
          noOwner,
          noPrivileges,
          missingTablespaces: found.missingTablespaces,
          keepGoing,
          onFailure,
          signal,
        },
      );
      if (found.globals) reportRoles(await checkGlobals(client, found.globals, signal), this.name, onFailure);
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
      onFailure,
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
      onFailure,
      onUnfulfilled: options.damaged
        ? (message) => onProgress({ kind: 'warning', code: 'constraint', message })
        : undefined,
      onEntry: () => {},
    });
  }

  #describe(work: RestoreWork, contents: BackupContents, options: RestoreOptions): RestorePlan {
    const { replace = false, noOwner = false, noPrivileges = false } = options;
    const tables = work.datasets.filter(({ attributes }) => isTableAttributes(attributes));
    const records = tables.reduce((sum, dataset) => sum + dataset.records, 0);
    const drops = dropsOf(work.presence, work.all);
    const conflicts = conflictsOf(work.presence);
    if (work.largeObjects > 0) conflicts.push(plural(work.largeObjects, 'large object'));
    const others = work.datasets.filter((dataset) => !tables.includes(dataset)).map(({ name }) => name);
    const after = 'indexes, constraints, triggers, policies; refresh materialised views';
    const rebuilds = work.asked === undefined ? [] : work.cascade.names;
    const { lost, lostRows } = work.cascade;
    const losses = [...lostRows.map((what) => `${what}, with its rows`), ...lost].sort();
    const steps = [
      ...(work.globals?.steps ?? []),
      ...(replace && drops.length > 0
        ? [`drop ${plural(drops.length, 'object')} in the way, with what depends on them`]
        : []),
      ...(rebuilds.length > 0 ? [`make again what depends on these: ${rebuilds.join(', ')}`] : []),
      `make ${plural(work.preData.length, 'object')} of ${contents.server}: schemas, types, functions, tables, views`,
      `write ${plural(records, 'row')} into ${plural(tables.length, 'table')}`,
      ...(others.length > 0 ? [`restore ${others.join(', ')}`] : []),
      ...(work.postData.length > 0 ? [`make ${plural(work.postData.length, 'object')}: ${after}`] : []),
      ...comparingStep(
        `read every table back${work.globals?.made.length ? ', the roles too,' : ''}`,
        options,
      ),
    ];
    const warnings = [
      ...losses.map((what) => `also dropped, although not in the backup: ${what}`),
      ...work.warnings,
      ...(work.globals?.warnings ?? []),
    ];
    if (work.missingRoles.length > 0) {
      warnings.push(
        `the target has no roles ${showRoles(work.missingRoles)}: create them, make those of the backup with --roles, or pass --no-owner and --no-privileges`,
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
      rebuilds,
      losses,
      warnings,
    };
  }
}

/** @throws E_RESTORE_DIFFERS if nobody takes failures */
function reportRoles(
  failures: readonly RestoreFailure[],
  target: string,
  onFailure: RestoreRun['onFailure'],
): void {
  for (const failure of failures) {
    if (!onFailure) throw new HoldfastError('E_RESTORE_DIFFERS', `${target}: ${failure.message}`);
    onFailure(failure);
  }
}

function refuse(plan: RestorePlan, replace: boolean, { missingRoles }: RestoreWork): void {
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
      hint: 'Create these roles, pass --roles to make those that the backup holds, or --no-owner and --no-privileges.',
    },
  );
}

/** All sequences of a whole restore; of some tables, those that were made for them. */
function wantedSequences(work: RestoreWork): (schema: string, name: string) => boolean {
  if (work.asked === undefined) return () => true;
  const made = new Set(
    work.preData
      .filter(({ type }) => type === 'SEQUENCE')
      .map(({ schema, name }) => JSON.stringify([schema, name])),
  );
  return (schema, name) => made.has(JSON.stringify([schema, name]));
}
