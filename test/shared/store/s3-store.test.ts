import { createHash } from 'node:crypto';
import { connect, createServer, type Server, type Socket } from 'node:net';
import { PutObjectCommand, S3Client } from '@aws-sdk/client-s3';
import { afterEach, beforeEach, describe, expect, inject, vi } from 'vitest';
import { RetryingStore } from '../../../shared/store/retrying-store.ts';
import { fromS3Error } from '../../../shared/store/s3-errors.ts';
import { S3Store } from '../../../shared/store/s3-store.ts';
import { describeObjectStore } from '../../contract/object-store.contract.ts';
import { newBucket, newRgwStore, RGW_CREDENTIALS, rgwOptions } from '../../support/aws/ceph-rgw.ts';
import { describeWithPart } from '../../support/parts.ts';
import { turns } from '../../support/repository/torture.ts';

const it = turns(2);

const body = Buffer.from('hello');

describeWithPart('ceph-rgw', 'S3Store on Ceph RGW', () => {
  describeObjectStore('s3', () => newRgwStore(), 'a server');

  it('keeps to its prefix', async () => {
    const bucket = await newBucket();
    await new S3Store(rgwOptions(bucket, 'a')).put('data/x', body);
    const other = new S3Store(rgwOptions(bucket, 'b'));
    await expect(other.get('data/x')).rejects.toMatchObject({ code: 'E_OBJECT_NOT_FOUND' });
  });

  it('says that the bucket is missing', async () => {
    const store = new S3Store(rgwOptions('no-such-bucket-here'));
    await expect(store.get('repository.json')).rejects.toMatchObject({ code: 'E_NO_REPOSITORY' });
    await expect(store.put('data/a', body)).rejects.toMatchObject({ code: 'E_NO_REPOSITORY' });
    await expect(store.list('').next()).rejects.toMatchObject({ code: 'E_NO_REPOSITORY' });
  });

  it.each([
    { title: 'a wrong secret', credentials: { ...RGW_CREDENTIALS, secretAccessKey: 'wrong' } },
    { title: 'an unknown access key', credentials: { ...RGW_CREDENTIALS, accessKeyId: 'AKIANOBODY' } },
  ])('is refused with $title', async ({ credentials }) => {
    const store = new S3Store({ ...rgwOptions(await newBucket()), credentials });
    const put = store.put('data/a', body);
    await expect(put).rejects.toMatchObject({
      code: 'E_STORE_DENIED',
      message: expect.not.stringContaining('wrong'),
    });
  });

  it('does not list what consoles mark folders with', async () => {
    const bucket = await newBucket();
    for (const Key of ['a/', 'a/data/']) await putRaw(bucket, Key);
    const store = new S3Store(rgwOptions(bucket, 'a'));
    await store.put('data/x', body);
    expect((await Array.fromAsync(store.list(''))).map(({ key }) => key)).toEqual(['data/x']);
  });

  it('lets one of many writers with clients of their own win', async () => {
    const options = rgwOptions(await newBucket());
    const puts = Array.from({ length: 8 }, (_, i) => new S3Store(options).put('data/x', Buffer.from([i])));
    const codes = (await Promise.allSettled(puts)).map((put) =>
      put.status === 'rejected' ? put.reason.code : 'won',
    );
    expect(codes.toSorted()).toEqual([...Array(7).fill('E_OBJECT_EXISTS'), 'won']);
  });

  it('takes a put whose answer was lost as done', async () => {
    const options = rgwOptions(await newBucket());
    await using proxy = await cuttingProxy(new URL(inject('rgwEndpoint')), 1);
    const store = new RetryingStore(new S3Store({ ...options, endpoint: proxy.endpoint }), {
      firstDelayMs: 0,
    });
    await store.put('data/a', body);
    expect(proxy.cut()).toBe(1);
    expect(Buffer.compare(await new S3Store(options).get('data/a'), body)).toBe(0);
  });

  it('does not take the object of another writer for one whose answer was lost', async () => {
    const options = rgwOptions(await newBucket());
    await new S3Store(options).put('data/a', Buffer.from('other'));
    await using proxy = await cuttingProxy(new URL(inject('rgwEndpoint')), 1);
    const store = new RetryingStore(new S3Store({ ...options, endpoint: proxy.endpoint }), {
      firstDelayMs: 0,
    });
    await expect(store.put('data/a', body)).rejects.toMatchObject({ code: 'E_OBJECT_EXISTS' });
    expect(proxy.cut()).toBe(1);
  });
});

describe('S3Store', () => {
  it('says that the store cannot be reached', async () => {
    const store = new S3Store({ ...offline(), endpoint: 'http://127.0.0.1:1' });
    await expect(store.get('data/a')).rejects.toMatchObject({ code: 'E_STORE_UNAVAILABLE', retryable: true });
  });

  it.each([
    [503, 'SlowDown', 'E_STORE_UNAVAILABLE'],
    [500, 'InternalError', 'E_STORE_UNAVAILABLE'],
    [429, 'TooManyRequests', 'E_STORE_UNAVAILABLE'],
    [400, 'RequestTimeout', 'E_STORE_UNAVAILABLE'],
    [400, 'BadDigest', 'E_STORE_UNAVAILABLE'],
    [409, 'ConditionalRequestConflict', 'E_STORE_UNAVAILABLE'],
    [412, 'PreconditionFailed', 'E_OBJECT_EXISTS'],
    [403, 'RequestTimeTooSkewed', 'E_CLOCK_SKEW'],
    [403, 'AccessDenied', 'E_STORE_DENIED'],
    [403, 'SomethingNew', 'E_STORE_DENIED'],
    [400, 'ExpiredToken', 'E_STORE_DENIED'],
    [400, 'KMS.DisabledException', 'E_STORE_DENIED'],
    [403, 'InvalidObjectState', 'E_OBJECT_UNREADABLE'],
    [404, 'NoSuchBucket', 'E_NO_REPOSITORY'],
    [301, 'PermanentRedirect', 'E_CONFIG'],
    [400, 'AuthorizationHeaderMalformed', 'E_CONFIG'],
    [501, 'NotImplemented', 'E_CONFIG'],
    [507, 'QuotaExceeded', 'E_STORE_FULL'],
    [400, 'SomethingElse', 'E_INTERNAL'],
  ])('calls %i %s %s', async (status, name, code) => {
    await using server = await answering([refusal(status, name)]);
    const store = new S3Store({ ...offline(), endpoint: server.endpoint });
    await expect(store.put('data/a', body)).rejects.toMatchObject({ code });
  });

  it.each(['DEPTH_ZERO_SELF_SIGNED_CERT', 'ERR_TLS_CERT_ALTNAME_INVALID'])(
    'calls %s E_STORE_UNTRUSTED',
    (code) => {
      const error = Object.assign(new Error('x'), { code });
      const meaning = fromS3Error(error, { location: 's3://bucket', bucket: 'bucket' });
      expect(meaning).toMatchObject({ code: 'E_STORE_UNTRUSTED' });
    },
  );

  it('is throttled, then let through', async () => {
    await using server = await answering([
      refusal(503, 'SlowDown'),
      refusal(503, 'SlowDown'),
      answer(200, ''),
    ]);
    const store = new RetryingStore(new S3Store({ ...offline(), endpoint: server.endpoint }), {
      firstDelayMs: 0,
    });
    await store.put('data/a', body);
    expect(server.requests).toHaveLength(3);
  });

  it('has the store check what arrives, and write nothing over', async () => {
    await using server = await answering([answer(200, '')]);
    const store = new S3Store({ ...offline(), endpoint: server.endpoint });
    await store.put('data/a', body, { sha256: createHash('sha256').update(body).digest('hex') });
    expect(server.requests[0]).toMatch(/^PUT \/bucket\/data\/a/);
    expect(server.requests[0]).toMatch(/\r\nif-none-match: \*\r\n/i);
    // printf hello | openssl sha256 -binary | base64
    expect(server.requests[0]).toMatch(
      /\r\nx-amz-checksum-sha256: LPJNul\+wow4m6DsqxbninhsWHlwfp0JecwQzYpOLmCQ=\r\n/i,
    );
  });

  it.each([{ storageClass: 'STANDARD_IA' }, {}] as const)('puts as %o says', async (options) => {
    await using server = await answering([answer(200, '')]);
    await new S3Store({ ...offline(), endpoint: server.endpoint }).put('data/a', body, options);
    const [, said] = /\r\nx-amz-storage-class: (.*)\r\n/i.exec(server.requests[0] ?? '') ?? [];
    expect(said).toBe('storageClass' in options ? options.storageClass : undefined);
  });

  it.each([
    ['breaks off', (socket: Socket) => socket.destroy()],
    ['falls silent', () => {}],
  ])('rejects a read whose answer %s half way', async (_, then) => {
    await using server = await answering([answer(200, 'half', 8)], then);
    const store = new S3Store({ ...offline(), endpoint: server.endpoint, socketTimeoutMs: 100 });
    await expect(store.get('data/a')).rejects.toMatchObject({ code: 'E_STORE_UNAVAILABLE' });
  });

  it('stops a read half way when it is told to', async () => {
    const stop = new AbortController();
    await using server = await answering([answer(200, 'half', 8)], () => stop.abort());
    const store = new S3Store({ ...offline(), endpoint: server.endpoint });
    const get = store.get('data/a', { signal: stop.signal });
    await expect(get).rejects.toMatchObject({ code: 'E_ABORTED' });
  });

  it.each([
    ['fewer', 'E_RANGE', 'ab'],
    ['more', 'E_STORE_UNAVAILABLE', 'abcdef'],
  ])('rejects a range answered with %s bytes', async (_, code, text) => {
    await using server = await answering([answer(206, text)]);
    const store = new S3Store({ ...offline(), endpoint: server.endpoint });
    const get = store.get('data/a', { range: { offsetBytes: 0, lengthBytes: 3 } });
    await expect(get).rejects.toMatchObject({ code });
  });

  describe('without settings of AWS', () => {
    beforeEach(() => {
      for (const name of Object.keys(process.env).filter((key) => key.startsWith('AWS_')))
        vi.stubEnv(name, undefined);
      vi.stubEnv('AWS_CONFIG_FILE', '/dev/null');
      vi.stubEnv('AWS_SHARED_CREDENTIALS_FILE', '/dev/null');
      vi.stubEnv('AWS_EC2_METADATA_DISABLED', 'true');
    });
    afterEach(() => {
      vi.unstubAllEnvs();
    });

    it('says that there are no credentials', async () => {
      const store = new S3Store({ ...offline(), credentials: undefined });
      await expect(store.get('data/a')).rejects.toMatchObject({
        code: 'E_STORE_DENIED',
        hint: expect.stringContaining('AWS_ACCESS_KEY_ID'),
      });
    });

    it('says that there is no region', async () => {
      const store = new S3Store({ ...offline(), region: undefined });
      await expect(store.get('data/a')).rejects.toMatchObject({ code: 'E_CONFIG' });
    });

    it.each([
      ['us-east-1', undefined],
      ['eu-west-3', 'eu-west-3'],
    ])('signs for %s at an endpoint when AWS_REGION is %s', async (region, given) => {
      vi.stubEnv('AWS_REGION', given);
      await using server = await answering([answer(200, 'x')]);
      await new S3Store({ ...offline(), region: undefined, endpoint: server.endpoint }).get('data/a');
      expect(server.requests[0]).toContain(`/${region}/s3/aws4_request`);
    });
  });
});

function offline() {
  return {
    bucket: 'bucket',
    prefix: '',
    region: 'us-east-1',
    forcePathStyle: true,
    credentials: RGW_CREDENTIALS,
  };
}

async function listen(server: Server) {
  await new Promise<void>((resolve) => server.listen(0, '127.0.0.1', resolve));
  const address = server.address();
  if (address === null || typeof address === 'string') throw new Error('no port');
  return {
    endpoint: `http://127.0.0.1:${address.port}`,
    [Symbol.asyncDispose]: async () => {
      server.close();
    },
  };
}

/** An HTTP answer; `length` is what it says it has, whatever it has. */
function answer(status: number, text: string, length = text.length): string {
  return `HTTP/1.1 ${status} X\r\ncontent-length: ${length}\r\n\r\n${text}`;
}

function refusal(status: number, name: string): string {
  return answer(status, `<?xml version="1.0"?><Error><Code>${name}</Code><Message>m</Message></Error>`);
}

/** Answers one request after the other, each on its own connection, and keeps what was asked. */
async function answering(answers: readonly string[], then = (socket: Socket): unknown => socket.end()) {
  const requests: string[] = [];
  const sockets = new Set<Socket>();
  const server = createServer((socket) => {
    sockets.add(socket.on('error', () => {}));
    socket.once('data', (bytes) => {
      const text = answers[requests.push(bytes.toString()) - 1];
      if (text === undefined) socket.destroy();
      else socket.write(text, () => setImmediate(() => then(socket)));
    });
  });
  const listening = await listen(server);
  return {
    endpoint: listening.endpoint,
    requests,
    [Symbol.asyncDispose]: async () => {
      for (const socket of sockets) socket.destroy();
      await listening[Symbol.asyncDispose]();
    },
  };
}

async function putRaw(bucket: string, Key: string): Promise<void> {
  const { endpoint = '', region = '' } = rgwOptions(bucket);
  const client = new S3Client({ endpoint, region, forcePathStyle: true, credentials: RGW_CREDENTIALS });
  await client.send(new PutObjectCommand({ Bucket: bucket, Key, Body: Buffer.alloc(0) }));
  client.destroy();
}

/** Passes connections on to `to`, but drops the answers on the first `times`. */
async function cuttingProxy(to: URL, times: number) {
  let cut = 0;
  const server = createServer((inward) => {
    const outward = connect(Number(to.port), to.hostname);
    inward.on('error', () => outward.destroy()).pipe(outward);
    outward.on('error', () => inward.destroy());
    if (cut < times) {
      cut++;
      outward.once('data', () => inward.destroy());
    } else outward.pipe(inward);
  });
  return { ...(await listen(server)), cut: () => cut };
}
