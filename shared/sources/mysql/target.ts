import { HoldfastError } from '../../core/errors.ts';
import { plural } from '../../core/plural.ts';
import type { BackupContents, StoredDataset } from '../contents.ts';
import type { Source } from '../source.ts';
import { comparingStep, type RestoreOptions, type RestorePlan, type Target } from '../target.ts';
import type { Session } from './connection/connection.ts';
import {
  type AdapterOptions,
  type Environment,
  type MysqlOptions,
  mysqlName,
  parseMysqlOptions,
} from './connection/options.ts';
import { openSession } from './connection/session-settings.ts';
import { isTableAttributes } from './datasets/attributes.ts';
import { restoreData } from './restore/data.ts';
import { findBrokenKeys } from './restore/keys.ts';
import { grantAgain } from './restore/routine-rights.ts';
import { makeOthers, makeTables } from './restore/schema.ts';
import { RestoreSessions } from './restore/sessions.ts';
import { definerOf, prepareRestore, type RestoreWork } from './restore/work.ts';
import { MysqlSource } from './source.ts';
import { grantRights, makeUsers } from './users/restore-users.ts';

const DEFAULT_JOBS = 4;
const MOST_NAMED = 20;

/** @throws E_CONFIG listing every problem */
export function openMysqlTarget(url: string, options: AdapterOptions, env: Environment): MysqlTarget {
  return new MysqlTarget(parseMysqlOptions(url, options, env));
}

type RestoreRun = Parameters<Target['restore']>[2];

/** A database of MySQL or MariaDB to restore into. */
export class MysqlTarget implements Target {
  readonly kind = 'mysql';
  readonly comparesItself = false;
  readonly specialOptions = ['keepGoing', 'definer', 'users'] as const;
  readonly name: string;
  readonly #options: MysqlOptions;
  readonly #isEventsOff: boolean;

  /** @param settings.isEventsOff events are made and do nothing: in a database of a drill */
  constructor(options: MysqlOptions, { isEventsOff = false }: { readonly isEventsOff?: boolean } = {}) {
    this.#options = options;
    this.#isEventsOff = isEventsOff;
    this.name = mysqlName(options);
  }

  asSource(like: readonly StoredDataset[]): Source {
    return new MysqlSource(this.#options, { like });
  }

  async plan(contents: BackupContents, options: RestoreOptions, signal: AbortSignal): Promise<RestorePlan> {
    const session = await openSession(this.#options, signal, { use: 'write' });
    try {
      return this.#describe(await prepareRestore(session, contents, options, signal), contents, options);
    } finally {
      await session.close();
    }
  }

  async restore(contents: BackupContents, _: RestorePlan, options: RestoreRun): Promise<void> {
    const { signal, onProgress, onFailure, replace = false, noOwner = false, jobs = DEFAULT_JOBS } = options;
    const { keepGoing = false } = options;
    await using sessions = new RestoreSessions(this.#options, signal);
    const making = {
      noOwner,
      definer: definerOf(options),
      isEventsOff: this.#isEventsOff,
      onFailure,
      signal,
    };
    const work = await sessions.use(async (session) => {
      const found = await prepareRestore(session, contents, options, signal);
      refuse(this.#describe(found, contents, options), replace);
      if (!keepGoing) refuseUnknown(found);
      if (replace) for (const sql of found.drops) await session.query(sql, signal);
      if (found.users) await makeUsers(session, found.users, signal);
      for (const sql of found.databaseSql) await session.query(sql, signal);
      const leftOut = await makeTables(session, found.objects, { ...making, keepGoing });
      const isThere = ({ attributes }: StoredDataset) =>
        !isTableAttributes(attributes) || !leftOut.has(attributes.table);
      return { ...found, datasets: found.datasets.filter(isThere) };
    });
    let done = 0;
    await restoreData(contents, work.datasets, {
      sessions,
      jobs,
      signal,
      onFailure,
      onBytes: (bytes) => {
        done += bytes;
        onProgress({ kind: 'done', plainBytes: done, storedBytes: 0 });
      },
    });
    for (const { name, records, plainBytes } of work.datasets)
      onProgress({ kind: 'dataset', dataset: name, records, plainBytes });
    onProgress({ kind: 'phase', phase: 'finish' });
    await sessions.use(async (session) => {
      await makeOthers(session, work.objects, making);
      await grantAgain(session, work.rights, onFailure, signal);
      if (work.users) {
        const onWarning = (message: string) => onProgress({ kind: 'warning', code: 'users', message });
        await grantRights(session, work.users, { signal, onFailure, onWarning });
      }
      for (const message of await this.#brokenKeys(session, work, signal))
        onProgress({ kind: 'warning', code: 'constraint', message });
    });
  }

  #brokenKeys(session: Session, { objects }: RestoreWork, signal: AbortSignal): Promise<readonly string[]> {
    const tables = objects.filter(({ type }) => type === 'table').map(({ name }) => name);
    return findBrokenKeys(session, new Set(tables), signal);
  }

  #describe(work: RestoreWork, contents: BackupContents, options: RestoreOptions): RestorePlan {
    const { replace = false } = options;
    const { datasets, drops, objects, conflicts, losses, databaseSql } = work;
    const records = datasets.reduce((sum, dataset) => sum + dataset.records, 0);
    const tables = objects.filter(({ type }) => type === 'table' || type === 'sequence');
    const others = objects.filter(({ type }) => !['table', 'sequence', 'database'].includes(type));
    return {
      target: this.name,
      datasets,
      compare: datasets,
      steps: [
        ...(replace && drops.length > 0 ? [`drop ${plural(drops.length, 'object')} in the way`] : []),
        ...(work.users?.steps ?? []),
        ...databaseSql,
        `make ${plural(tables.length, 'object')} of ${contents.server}: sequences and tables, with their keys`,
        `write ${plural(records, 'row')} into ${plural(datasets.length, 'table')}`,
        ...(others.length > 0
          ? [`make ${plural(others.length, 'object')}: routines, views, triggers, events`]
          : []),
        ...(work.rights.grants.length > 0 ? ['grant the rights on routines again that go with these'] : []),
        'look whether every foreign key holds',
        ...comparingStep('read every table back', options),
      ],
      conflicts,
      drops: replace ? drops : [],
      losses: replace ? losses : [],
      warnings: work.warnings,
    };
  }
}

/** @throws E_SOURCE_UNSUPPORTED for what the server cannot take */
function refuseUnknown({ refused }: RestoreWork): void {
  if (refused.length === 0) return;
  throw new HoldfastError('E_SOURCE_UNSUPPORTED', `${refused.join('; ')}; nothing was changed`, {
    hint: 'Restore into a server that knows them, or pass --keep-going to restore all that can be.',
  });
}

function refuse({ conflicts }: RestorePlan, replace: boolean): void {
  if (conflicts.length === 0 || replace) return;
  const named = conflicts.slice(0, MOST_NAMED).join(', ');
  const more = conflicts.length > MOST_NAMED ? ` and ${conflicts.length - MOST_NAMED} more` : '';
  throw new HoldfastError(
    'E_TARGET_NOT_EMPTY',
    `the target has ${named}${more} already; nothing was changed`,
    {
      hint: 'Restore into an empty database, or pass --replace to drop these first.',
      details: { conflicts: conflicts.length },
    },
  );
}
