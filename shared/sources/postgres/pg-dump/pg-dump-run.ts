import { once } from 'node:events';
import { MessageChannel, type MessagePort, Worker } from 'node:worker_threads';
import type pg from 'pg';
import { abortedError, throwIfAborted } from '../../../core/abort.ts';
import { HoldfastError } from '../../../core/errors.ts';
import { workerUrl } from '../../../core/worker-url.ts';
import { disconnect, interrupt, query, serverName } from '../connection/connection.ts';
import { RawSession } from '../connection/stream.ts';
import { toSourceError } from '../errors.ts';
import { PgDumpBridge } from './pg-dump-bridge.ts';
import type { PgDumpWorkerData, PgDumpWorkerResult } from './pg-dump-worker.ts';

/** Of the pg_dump in `@electric-sql/pglite-tools`. It reads servers up to its own major version. */
export const PG_DUMP_MAJOR = 18;

/**
 * Runs pg_dump over a session that is already logged in, so it needs neither host nor password. The session
 * is closed in the end, whatever happens.
 *
 * @param args pg_dump's options, for a plain schema dump
 * @returns the dump as pg_dump wrote it, save `\restrict` lines
 * @throws E_SOURCE_*, E_ABORTED
 */
export async function runPgDump(
  client: pg.Client,
  args: readonly string[],
  signal: AbortSignal,
): Promise<Uint8Array> {
  const greeting = await makeGreeting(client, signal).catch(async (error: unknown) => {
    await disconnect(client);
    throw error;
  });
  const session = new RawSession(client);
  const { port1: port, port2: workerPort } = new MessageChannel();
  const answerReady = new SharedArrayBuffer(4);
  const bridge = new PgDumpBridge(session, port, answerReady);
  const worker = startWorker({ args, greeting, port: workerPort, answerReady });
  const onAbort = (): void => interrupt(client);
  signal.addEventListener('abort', onAbort, { once: true });
  try {
    throwIfAborted(signal);
    const result = await Promise.race([workerResult(worker), bridge.serve()]);
    if ('dump' in result) return result.dump;
    throw bridge.lastError ?? failure(result.failure);
  } catch (error) {
    if (signal.aborted) throw abortedError(signal);
    throw toSourceError(bridge.lastError ?? error, {
      server: serverName(client),
      phase: 'query',
      object: 'the schema',
    });
  } finally {
    signal.removeEventListener('abort', onAbort);
    port.close();
    client.connection.stream.destroy();
    await worker.terminate();
  }
}

/** How pg_dump says that an object went after it was listed; it speaks English alone. */
const GONE =
  /(with OID \d+ (does not exist|not found)|appears to be empty|returned no data|failed sanity check|could not find )/;

function failure(text: string): HoldfastError {
  const isGone = GONE.test(text);
  return new HoldfastError(isGone ? 'E_SOURCE_CHANGED' : 'E_SOURCE_FAILED', `pg_dump failed: ${text}`, {
    ...(isGone && { hint: 'Run it again when no migration is running.' }),
  });
}

function startWorker(data: PgDumpWorkerData): Worker {
  return new Worker(workerUrl(import.meta.url, 'pg-dump-worker'), {
    workerData: data,
    transferList: [data.port as MessagePort],
    env: {},
  });
}

async function workerResult(worker: Worker): Promise<PgDumpWorkerResult> {
  const exited = once(worker, 'exit').then(([status]): PgDumpWorkerResult => {
    return { failure: `its thread ended with status ${status}` };
  });
  const posted = once(worker, 'message').then(([result]) => result as PgDumpWorkerResult);
  return await Promise.race([posted, exited]);
}

/** Server settings that libpq keeps, and that pg_dump asks libpq for. */
const REPORTED = [
  'server_version',
  'server_encoding',
  'client_encoding',
  'standard_conforming_strings',
  'integer_datetimes',
  'is_superuser',
  'session_authorization',
  'DateStyle',
  'IntervalStyle',
  'TimeZone',
];

/** AuthenticationOk, ParameterStatus for each setting, BackendKeyData (of no use here), ReadyForQuery. */
async function makeGreeting(client: pg.Client, signal: AbortSignal): Promise<Uint8Array> {
  const rows = await query<{ name: string; value: string }>(
    client,
    `SELECT name, pg_catalog.current_setting(name) AS value FROM pg_catalog.unnest($1::text[]) AS name`,
    signal,
    { values: [REPORTED] },
  );
  return Buffer.concat([
    message('R', Buffer.from([0, 0, 0, 0])),
    ...rows.map(({ name, value }) => message('S', Buffer.from(`${name}\0${value}\0`))),
    message('K', Buffer.alloc(8)),
    message('Z', Buffer.from('I')),
  ]);
}

function message(type: string, body: Buffer): Buffer {
  const header = Buffer.from(`${type}\0\0\0\0`);
  header.writeInt32BE(body.length + 4, 1);
  return Buffer.concat([header, body]);
}
