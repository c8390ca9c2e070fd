import { readFile } from 'node:fs/promises';
import { type AddressInfo, connect, createServer, type Socket } from 'node:net';
import path from 'node:path';
import pg from 'pg';
import { onTestFinished } from 'vitest';
import type { DatasetPlan, SourceView } from '../../../../../shared/sources/source.ts';

export const never = new AbortController().signal;

export function everythingSql(): Promise<string> {
  return readFile(path.resolve('test/fixtures/postgres/everything.sql'), 'utf8');
}

export function datasetOf(view: SourceView, name: string): DatasetPlan {
  const dataset = view.datasets.find((one) => one.name === name);
  if (dataset === undefined) throw new Error(`no dataset ${name}`);
  return dataset;
}

/** All of a dataset as text, its partitions one after the other. */
export async function readAll(view: SourceView, name: string): Promise<string> {
  const dataset = datasetOf(view, name);
  const blocks: Buffer[] = [];
  for (const partition of dataset.partitions)
    for await (const block of view.read(dataset, partition, never)) blocks.push(Buffer.from(block));
  return Buffer.concat(blocks).toString('utf8');
}

/** A session of the test's own, closed when the test ends. */
export async function session(url: string): Promise<pg.Client> {
  const client = new pg.Client({ connectionString: url });
  client.on('error', () => undefined);
  await client.connect();
  onTestFinished(() => client.end().catch(() => undefined));
  return client;
}

/** Asks again and again until the answer has a row; the test's own timeout ends it. */
export async function until(client: pg.Client, sql: string): Promise<void> {
  while ((await client.query(sql)).rowCount === 0);
}

export interface ProxyOptions {
  /** Text in what the server says that is changed, of the same length. */
  readonly from?: string;
  readonly to?: string;
  /** Cuts by itself once this much went through, both ways together. */
  readonly cutAfterBytes?: number;
}

/** A way to the server that can be cut: both sides just see the other go. */
export async function startProxy(
  port: number,
  { from, to, cutAfterBytes = Number.POSITIVE_INFINITY }: ProxyOptions = {},
): Promise<{ readonly port: number; cut(): void }> {
  const sockets = new Set<Socket>();
  let passed = 0;
  const cut = (): void => {
    for (const socket of sockets) socket.destroy();
  };
  const pass = (source: Socket, target: Socket, change: (bytes: Buffer) => Buffer): void => {
    source.on('data', (bytes: Buffer) => {
      passed += bytes.length;
      if (passed > cutAfterBytes) cut();
      else if (!target.write(change(bytes))) {
        source.pause();
        target.once('drain', () => source.resume());
      }
    });
    source.on('end', () => target.end());
  };
  const changed = (bytes: Buffer): Buffer =>
    from && to ? Buffer.from(bytes.toString('latin1').replaceAll(from, to), 'latin1') : bytes;
  const proxy = createServer((client) => {
    const upstream = connect(port, '127.0.0.1');
    for (const socket of [client, upstream]) sockets.add(socket.on('error', () => undefined));
    pass(client, upstream, (bytes) => bytes);
    pass(upstream, client, changed);
  });
  await new Promise<void>((resolve) => proxy.listen(0, '127.0.0.1', resolve));
  onTestFinished(() => {
    cut();
    proxy.close();
  });
  return { port: (proxy.address() as AddressInfo).port, cut };
}
