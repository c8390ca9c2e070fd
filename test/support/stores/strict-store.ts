import { createServer, type IncomingMessage, request, type ServerResponse } from 'node:http';
import type { AddressInfo } from 'node:net';
import { HeadObjectCommand, S3Client } from '@aws-sdk/client-s3';
import { rgwOptions } from '../aws/ceph-rgw.ts';

export interface StrictStoreOptions {
  /** Objects that are read come with their first byte changed, as no store may do. */
  readonly changesBodies?: boolean;
}

export interface StrictStore extends AsyncDisposable {
  readonly endpoint: string;
}

/**
 * Stands before Ceph RGW on loopback with what S3 does and RGW 16.2 does not: `If-None-Match: *` of a PutObject is heeded in
 * buckets with versions too.
 */
export async function strictStore({ changesBodies = false }: StrictStoreOptions = {}): Promise<StrictStore> {
  const { endpoint = '', region = '', credentials } = rgwOptions('');
  const owner = { endpoint, region, forcePathStyle: true, ...(credentials ? { credentials } : {}) };
  const client = new S3Client(owner);
  const between = { to: new URL(endpoint), client, changesBodies };
  const server = createServer((incoming, answer) => {
    handle(incoming, answer, between).catch(() => answer.destroy());
  });
  await new Promise<void>((resolve) => server.listen(0, '127.0.0.1', resolve));
  return {
    endpoint: `http://127.0.0.1:${(server.address() as AddressInfo).port}`,
    [Symbol.asyncDispose]: async () => {
      server.closeAllConnections();
      server.close();
      client.destroy();
    },
  };
}

interface Between {
  readonly to: URL;
  readonly client: S3Client;
  readonly changesBodies: boolean;
}

async function handle(incoming: IncomingMessage, answer: ServerResponse, between: Between): Promise<void> {
  const { method, url = '', headers } = incoming;
  const body = Buffer.concat(await Array.fromAsync(incoming as AsyncIterable<Buffer>));
  const [, bucket = '', ...rest] = new URL(url, between.to).pathname.split('/');
  const key = decodeURIComponent(rest.join('/'));
  if (method === 'PUT' && headers['if-none-match'] === '*' && (await isTaken(between, bucket, key))) {
    answer.writeHead(412, { 'content-type': 'application/xml' });
    answer.end('<Error><Code>PreconditionFailed</Code><Message>It is there already</Message></Error>');
    return;
  }
  const from = await ask(incoming, body, between.to);
  const got = Buffer.concat(await Array.fromAsync(from as AsyncIterable<Buffer>));
  if (between.changesBodies && method === 'GET' && key !== '') got[0] = (got[0] ?? 0) ^ 1;
  answer.writeHead(from.statusCode ?? 502, from.headers);
  answer.end(got);
}

async function isTaken({ client }: Between, bucket: string, key: string): Promise<boolean> {
  return client.send(new HeadObjectCommand({ Bucket: bucket, Key: key })).then(
    () => true,
    () => false,
  );
}

function ask({ method, url, headers }: IncomingMessage, body: Buffer, to: URL): Promise<IncomingMessage> {
  const { promise, resolve, reject } = Promise.withResolvers<IncomingMessage>();
  const outward = request({ host: to.hostname, port: to.port, method, path: url, headers }, resolve);
  outward.on('error', reject).end(body);
  return promise;
}
