import { parentPort, workerData } from 'node:worker_threads';
import { plural } from '../../../core/plural.ts';
import { BlockChannel } from './block-channel.ts';
import { type Duckdb, loadDuckdb } from './load-duckdb.ts';
import {
  plainError,
  type QueryOrder,
  type QueryReport,
  type QueryTask,
  type QueryThreadData,
} from './messages.ts';
import { QueryDatabase } from './query-database.ts';
import { resultOf } from './result-values.ts';
import type { QueryTable } from './tables.ts';

/* The thread that runs DuckDB: its calls for rows wait, and nothing else waits with them. */

const { blocks: blockPort, flag } = workerData as QueryThreadData;
const port = parentPort;
const say = (report: QueryReport) => port?.postMessage(report);

/** Orders that came and were not taken; once there is `stop`, no other counts. */
const orders: QueryOrder[] = [];
let isStopped = false;
let onOrder = () => {};
let onStop = () => {};

port?.on('message', (order: QueryOrder) => {
  orders.push(order);
  if (order === 'stop') {
    isStopped = true;
    onStop();
  }
  onOrder();
});

/** Waits for it. @returns undefined: it is to stop */
async function nextOrder(): Promise<QueryOrder | undefined> {
  while (!isStopped && orders.length === 0)
    await new Promise<void>((resolve) => {
      onOrder = resolve;
    });
  return isStopped ? undefined : orders.shift();
}

/** How many values of a column its type could not hold. */
const unheld = new Map<string, { readonly table: QueryTable; readonly column: number; count: number }>();

function onUnheld(table: QueryTable, column: number): void {
  const key = `${table.backup} ${table.dataset} ${column}`;
  const known = unheld.get(key);
  if (known) known.count++;
  else unheld.set(key, { table, column, count: 1 });
}

function unheldWarnings(): readonly string[] {
  return [...unheld.values()].map(({ table, column, count }) => {
    const { name = '', type } = table.shape.columns[column] ?? {};
    return `${table.of.name}.${name}: ${plural(count, 'value')} cannot be read as ${type?.kind}, and appear as NULL`;
  });
}

async function run(): Promise<void> {
  // It takes a while, and needs no task.
  const loading = loadDuckdb();
  const [duckdb, task] = await Promise.all([loading, nextOrder()]);
  if (typeof task !== 'object') return;
  const { files = [], memoryBytes } = task;
  const blocks = new BlockChannel(blockPort, flag);
  using database = await QueryDatabase.open(duckdb, task.backups, { blocks, memoryBytes, files, onUnheld });
  onStop = () => database.interrupt();
  if (isStopped) return;
  if (task.sql === undefined)
    for (const file of files) {
      await database.write('', file);
      say({ kind: 'written', dataset: file.dataset });
    }
  else await answer(duckdb, database, { ...task, sql: task.sql });
  say({ kind: 'end', warnings: [...database.notes(), ...unheldWarnings()] });
}

async function answer(
  duckdb: Duckdb,
  database: QueryDatabase,
  { sql, files }: QueryTask & { readonly sql: string },
): Promise<void> {
  const prepared = await database.prepare(sql);
  const columns = Array.from({ length: prepared.columnCount }, (_, i) => {
    const type = prepared.columnType(i);
    return { name: prepared.columnName(i), type: type.alias ?? String(type) };
  });
  say({ kind: 'columns', columns });
  for (const file of files ?? []) await database.write(sql, file);
  if (files || !(await nextOrder())) return;
  const { fetch, types } = await database.run(sql, prepared);
  const converters = types.map((type) => resultOf(duckdb, type));
  for (let chunk = await fetch(); chunk && chunk.rowCount > 0; chunk = await fetch()) {
    const rows = chunk.getRows().map((row) => row.map((value, i) => converters[i]?.(value) ?? null));
    say({ kind: 'rows', rows });
    if (!(await nextOrder())) return;
  }
}

run()
  .catch((error: unknown) => say({ kind: 'failed', error: plainError(error) }))
  .finally(() => {
    port?.close();
    blockPort.close();
  });
