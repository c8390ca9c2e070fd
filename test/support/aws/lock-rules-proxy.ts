import { createHash } from 'node:crypto';
import { createServer, type IncomingHttpHeaders, type IncomingMessage, type ServerResponse } from 'node:http';
import type { AddressInfo } from 'node:net';
import { crc32 } from 'node:zlib';
import { HeadObjectCommand, type S3Client } from '@aws-sdk/client-s3';
import { passOn } from '../pass-on.ts';
import { rgwClient } from './ceph-rgw.ts';

export interface LockRulesProxy extends AsyncDisposable {
  readonly endpoint: string;
  /** Method and path of what was refused, with why. */
  readonly refused: readonly string[];
  /** Methods and paths of what was passed on. */
  readonly passed: readonly string[];
}

/**
 * Stands before Ceph RGW on loopback with what S3 demands on a bucket with Object Lock, and RGW does not: PutObject and
 * UploadPart carry `Content-MD5` or an `x-amz-checksum-…`, else 400 InvalidRequest; one that is there is right; parts have one
 * of the kind that their upload began with, and its end names those of all parts. So do changes of a lock, as everywhere.
 *
 * RGW lets `If-None-Match` pass where a bucket has versions. With `asWriteOnce`, it is minded here: 412 where the object is there
 * (what a delete hides is not), and as by the bucket's policy of ours, 403 for a put that does not say it.
 */
export async function lockRulesProxy(
  to: string,
  { asWriteOnce = false }: { readonly asWriteOnce?: boolean } = {},
): Promise<LockRulesProxy> {
  const judge = asWriteOnce ? new WriteOnce(to) : undefined;
  const refused: string[] = [];
  const passed: string[] = [];
  /** Kind of checksum by upload. */
  const uploads = new Map<string, string | undefined>();
  const handle = async (incoming: IncomingMessage, answer: ServerResponse) => {
    const body = Buffer.concat(await Array.fromAsync(incoming as AsyncIterable<Buffer>));
    const what = `${incoming.method} ${incoming.url}`;
    const problem = problemOf(incoming, body, uploads);
    if (problem) {
      refused.push(`${what}: ${problem}`);
      answer.writeHead(400, { 'content-type': 'application/xml' });
      answer.end(
        `<?xml version="1.0"?><Error><Code>InvalidRequest</Code><Message>${problem}</Message></Error>`,
      );
      return;
    }
    await using turn = await judge?.turn(incoming);
    if (turn?.refusal) {
      refused.push(`${what}: ${turn.refusal.code}`);
      answer.writeHead(turn.refusal.status, { 'content-type': 'application/xml' });
      answer.end(`<?xml version="1.0"?><Error><Code>${turn.refusal.code}</Code></Error>`);
      return;
    }
    passed.push(what);
    const from = await passOn(incoming, body, new URL(to));
    const answered = Buffer.concat(await Array.fromAsync(from as AsyncIterable<Buffer>));
    const upload = /<UploadId>([^<]+)</.exec(answered.toString('latin1'))?.[1];
    if (upload) uploads.set(upload, kindOf(incoming.headers['x-amz-checksum-algorithm']));
    answer.writeHead(from.statusCode ?? 502, from.headers);
    answer.end(answered);
  };
  const server = createServer((incoming, answer) => {
    handle(incoming, answer).catch(() => answer.destroy());
  });
  await new Promise<void>((resolve) => server.listen(0, '127.0.0.1', resolve));
  return {
    endpoint: `http://127.0.0.1:${(server.address() as AddressInfo).port}`,
    refused,
    passed,
    [Symbol.asyncDispose]: async () => {
      server.closeAllConnections();
      server.close();
      judge?.close();
    },
  };
}

interface Turn extends AsyncDisposable {
  readonly refusal?: { readonly status: number; readonly code: string } | undefined;
}

/** Lets puts of one object through one after the other, and only the first. */
class WriteOnce {
  readonly #client: S3Client;
  readonly #last = new Map<string, Promise<void>>();

  constructor(endpoint: string) {
    this.#client = rgwClient(endpoint);
  }

  /** Undefined for what makes no object. */
  async turn({ method, url, headers }: IncomingMessage): Promise<Turn | undefined> {
    const { searchParams, pathname } = new URL(url ?? '', 'http://store');
    const [, Bucket = '', ...rest] = pathname.split('/');
    const Key = decodeURIComponent(rest.join('/'));
    const isPut = method === 'PUT' && [...searchParams.keys()].every((name) => name === 'x-id');
    const isEnd = method === 'POST' && searchParams.has('uploadId');
    if (Key === '' || !(isPut || isEnd)) return undefined;
    const before = this.#last.get(pathname);
    const done = Promise.withResolvers<void>();
    this.#last.set(pathname, done.promise);
    await before;
    const end = { [Symbol.asyncDispose]: async () => done.resolve() };
    if (headers['if-none-match'] !== '*') return { ...end, refusal: { status: 403, code: 'AccessDenied' } };
    const isThere = await this.#client.send(new HeadObjectCommand({ Bucket, Key })).then(
      () => true,
      () => false,
    );
    return { ...end, refusal: isThere ? { status: 412, code: 'PreconditionFailed' } : undefined };
  }

  close(): void {
    this.#client.destroy();
  }
}

function problemOf(
  { method, url, headers }: IncomingMessage,
  body: Buffer,
  uploads: ReadonlyMap<string, string | undefined>,
): string | undefined {
  const { searchParams, pathname } = new URL(url ?? '', 'http://store');
  const upload = searchParams.get('uploadId');
  const isObject = pathname.split('/').filter(Boolean).length > 1;
  const isCopy = headers['x-amz-copy-source'] !== undefined;
  if (method === 'PUT' && isObject && !isCopy)
    return problemOfBody(headers, body, upload ? uploads.get(upload) : undefined, upload);
  if (method === 'POST' && upload && uploads.get(upload) && !/<ChecksumSHA256>/.test(body.toString()))
    return 'The upload was created using a checksum, and its parts are named without theirs';
  return undefined;
}

function problemOfBody(
  headers: IncomingHttpHeaders,
  body: Buffer,
  kind: string | undefined,
  upload: string | null,
): string | undefined {
  const md5 = headers['content-md5'];
  const sent = Object.keys(headers).find((name) => /^x-amz-checksum-(crc|sha)/.test(name));
  if (md5 === undefined && sent === undefined)
    return 'Content-MD5 OR x-amz-checksum- HTTP header is required for Put Object requests with Object Lock parameters';
  if (md5 !== undefined && md5 !== digest('md5', body)) return 'The Content-MD5 you specified did not match';
  if (sent === undefined) return undefined;
  if (sent === 'x-amz-checksum-crc32' && upload === null)
    return headers[sent] === crc32Of(body) ? undefined : 'The CRC32 you specified did not match';
  if (sent !== 'x-amz-checksum-sha256') return `this double knows no ${sent}`;
  if (headers[sent] !== digest('sha256', body)) return 'The SHA256 you specified did not match';
  if (upload !== null && kind !== 'sha256')
    return `Checksum Type mismatch occurred, expected checksum Type: ${kind}, actual checksum Type: sha256`;
  return undefined;
}

function kindOf(header: string | string[] | undefined): string | undefined {
  return typeof header === 'string' ? header.toLowerCase() : undefined;
}

function crc32Of(body: Buffer): string {
  const bytes = Buffer.alloc(4);
  bytes.writeUInt32BE(crc32(body));
  return bytes.toString('base64');
}

function digest(kind: 'md5' | 'sha256', body: Buffer): string {
  return createHash(kind).update(body).digest('base64');
}
