import type { BackupKey } from '../../../../shared/core/ids.ts';
import { runBackup } from '../../../../shared/jobs/backup/backup.ts';
import { poller } from '../../../../shared/jobs/changes/poll.ts';
import { type Proof, proveBase } from '../../../../shared/jobs/changes/proof/prove-base.ts';
import type { Repository } from '../../../../shared/repository/repository.ts';
import type { ChangeSource } from '../../../../shared/sources/changes.ts';
import { openMysqlChanges } from '../../../../shared/sources/mysql/changes/stream.ts';
import { openMysqlSource } from '../../../../shared/sources/mysql/source.ts';
import type { ChangePlugin } from '../../../../shared/sources/plugin.ts';
import { pluginOf } from '../../../../shared/sources/registry.ts';
import { type MariadbServer, startMariadb } from '../../../../tools/mariadb-server.ts';
import { never } from '../../../support/repository/engine.ts';
import { newRepository } from '../../sources/mysql/round-trip.ts';

/** A server as `pitr setup` leaves it. */
export const NAMED = { 'binlog-row-metadata': 'FULL' };

export function startNamed(settings: Readonly<Record<string, string>> = {}): Promise<MariadbServer> {
  return startMariadb({ settings: { ...NAMED, ...settings } });
}

/** A database with continuous backup. */
export interface MariadbShop {
  readonly url: string;
  readonly repository: Repository;
  readonly changes: ChangePlugin;
  readonly source: { readonly kind: string; readonly name: string };
  query(sql: string): ReturnType<MariadbServer['query']>;
  backUp(): Promise<BackupKey>;
  /** Stores what is new. @param through what the server gives goes through it. @default as it is */
  store(through?: (changes: ChangeSource) => ChangeSource): Promise<void>;
  prove(base: BackupKey, mostHeldBytes?: number): Promise<Proof>;
}

export async function newShop(server: MariadbServer, name: string, tables: string): Promise<MariadbShop> {
  await server.query(undefined, `CREATE DATABASE ${name}`);
  const url = server.url(name);
  await server.query(name, tables);
  const source = openMysqlSource(url, { readers: 2 }, {});
  const repository = await newRepository();
  const poll = poller(repository, { source, idleMs: 0 });
  const { changes } = pluginOf('mysql');
  if (!changes) throw new Error('no changes');
  const store = async (through = (one: ChangeSource) => one) => {
    await using opened = openMysqlChanges(url, {}, {});
    for (let isDone = false; !isDone; ) isDone = (await poll(through(opened), { signal: never })).isCaughtUp;
  };
  await store();
  return {
    url,
    repository,
    changes,
    source: { kind: 'mysql', name: source.name },
    query: (sql) => server.query(name, sql),
    backUp: async () => (await runBackup(repository, source, { signal: never })).key,
    store,
    prove: (base, mostHeldBytes) =>
      proveBase(repository, { base, plugin: changes, mostHeldBytes, signal: never }),
  };
}

/** What a proof said of each dataset, in the order of their names. */
export function statesOf({ datasets }: Proof): readonly string[] {
  return datasets
    .map(({ dataset, state, why }) => `${dataset}: ${state}${why === undefined ? '' : `: ${why}`}`)
    .toSorted();
}
