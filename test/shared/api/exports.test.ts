import { randomBytes } from 'node:crypto';
import { once } from 'node:events';
import { createServer } from 'node:http';
import type { AddressInfo } from 'node:net';
import { expect } from 'vitest';
import type { ExportLinks } from '../../../shared/api/local/options.ts';
import { MiB } from '../../../shared/core/units.ts';
import { S3Exports } from '../../../shared/store/s3-exports.ts';
import { S3Store } from '../../../shared/store/s3-store.ts';
import { adminApi, ask, localBackend, sessionWith } from '../../support/api.ts';
import { newBucket, rgwOptions } from '../../support/aws/ceph-rgw.ts';
import { describeWithPart } from '../../support/parts.ts';
import { ownPostgres } from '../../support/postgres.ts';
import { initRepository, never, openRepository } from '../../support/repository/engine.ts';
import { turns } from '../../support/repository/torture.ts';

const it = turns(3);

const RUN = 'cd'.repeat(16);

/** Says of every request whether it asks that nothing be written over. Ceph RGW does not ask it of an upload's end; AWS may. */
async function recordingStore() {
  const seen: string[] = [];
  const server = createServer((request, response) => {
    const { method, url = '', headers } = request;
    const what = url.includes('uploadId=')
      ? method === 'POST'
        ? 'complete'
        : 'part'
      : 'uploads' in query(url)
        ? 'create'
        : 'put';
    seen.push(`${what} ${headers['if-none-match'] ?? ''} ${headers['content-type'] ?? ''}`.trim());
    request.resume().on('end', () => {
      response.setHeader('etag', '"e"');
      response.end(
        what === 'create'
          ? '<InitiateMultipartUploadResult><UploadId>u</UploadId></InitiateMultipartUploadResult>'
          : what === 'complete'
            ? '<CompleteMultipartUploadResult><ETag>e</ETag></CompleteMultipartUploadResult>'
            : '',
      );
    });
  });
  server.listen(0, '127.0.0.1');
  await once(server, 'listening');
  const { port } = server.address() as AddressInfo;
  return { seen, endpoint: `http://127.0.0.1:${port}`, close: () => server.close() };
}

function query(url: string): Record<string, string> {
  return Object.fromEntries(new URL(url, 'http://store').searchParams);
}

it('writes over nothing, as the policy of the bucket demands of puts and of ends of uploads', async () => {
  const store = await recordingStore();
  const credentials = { accessKeyId: 'a', secretAccessKey: 'b' };
  const { endpoint } = store;
  const exports = new S3Exports({ bucket: 'bucket', prefix: '', region: 'eu-west-1', endpoint, credentials });
  async function* blocks(count: number) {
    const block = Buffer.alloc(MiB);
    for (let i = 0; i < count; i++) yield block;
  }
  try {
    await exports.put(RUN, 'small.csv', blocks(1), never);
    await exports.put(RUN, 'large.sql', blocks(65), never);
  } finally {
    store.close();
  }
  expect(store.seen).toEqual([
    'put * text/csv; charset=utf-8',
    'create  application/sql; charset=utf-8',
    expect.stringMatching(/^part(?! \*)/),
    expect.stringMatching(/^part(?! \*)/),
    expect.stringMatching(/^complete \*/),
  ]);
});

describeWithPart('ceph-rgw', 'exports in a bucket', () => {
  it('prepares a large one by a run, links to it for a quarter of an hour, and leaves nothing of a cancelled one', async () => {
    const server = await ownPostgres(18);
    try {
      const url = await server.createDatabase('shop');
      await server.query('shop', 'create table orders as select i id from generate_series(1, 500) i');
      const options = rgwOptions(await newBucket(), 'some/prefix');
      const store = new S3Store(options);
      await initRepository(store);
      await using repository = await openRepository(store);
      const real = new S3Exports(options);
      let isHeld = false;
      const held = Promise.withResolvers<void>();
      /** What is exported; while it is held, no further than the first block. */
      async function* passed(body: AsyncIterable<Uint8Array>, signal: AbortSignal) {
        for await (const block of body) {
          yield block;
          if (!isHeld) continue;
          held.resolve();
          await once(signal, 'abort');
          signal.throwIfAborted();
        }
      }
      const links: ExportLinks = {
        put: (run, file, body, signal) => real.put(run, file, passed(body, signal), signal),
        link: (run, file) => real.link(run, file),
      };
      const { backend, tracker } = localBackend(repository, {
        sources: [{ name: 'shop', kind: 'postgres', url, options: {} }],
        links,
        streamBytes: 10,
      });
      const { sessions, token } = sessionWith();
      const api = adminApi(async () => backend, sessions);
      const json = async (path: string, body?: unknown) => {
        const answer = await ask(api, path, {
          token,
          ...(body === undefined ? {} : { method: 'POST', body }),
        });
        return { status: answer.status, json: (await answer.json()) as Record<string, string> };
      };
      const made = await tracker.over((await json('/create', { type: 'daily' })).json['run']!);
      const name = made.backup!.slice(made.backup!.lastIndexOf('/') + 1, -'.json'.length);
      const preparing = await json(`/download/${name}?dataset=public.orders&format=csv`);
      expect(preparing.status).toBe(202);
      const run = preparing.json['run']!;
      expect(await tracker.over(run)).toMatchObject({ kind: 'export', state: 'succeeded' });
      const { json: link } = await json(`/download/${name}?prepared=${run}`);
      const file = `${name}.public.orders.csv`;
      expect(link).toMatchObject({ fileName: file });
      expect(Number(new URL(link['url']!).searchParams.get('X-Amz-Expires'))).toBeLessThanOrEqual(900);
      const answer = await fetch(link['url']!);
      expect(answer.headers.get('content-disposition')).toBe(`attachment; filename="${file}"`);
      const csv = await answer.text();
      expect([csv.split('\n').length, csv.length]).toEqual([502, Number(link['bytes'])]);
      expect((await json(`/download/${name}?prepared=${made.id}`)).status).toBe(400);
      const { entries } = (await json('/audit?action=download')).json as unknown as { entries: unknown[] };
      expect(entries).toHaveLength(2);
      isHeld = true;
      const stopped = (await json(`/download/${name}?format=sql`)).json['run']!;
      await held.promise;
      expect((await ask(api, `/runs/${stopped}`, { method: 'DELETE', token })).status).toBe(202);
      expect(await tracker.over(stopped)).toMatchObject({ kind: 'export', state: 'cancelled' });
      const left = (await Array.fromAsync(store.list('exports/'))).map(({ key }) => key);
      expect(left).toEqual([`exports/${run}/${file}`]);
      await tracker.close();
    } finally {
      await server.stop();
    }
  });

  it('stores what is larger than one part, and nothing of what broke off', async () => {
    const options = rgwOptions(await newBucket());
    // The least that S3 takes as a part.
    const exports = new S3Exports(options, 5 * MiB);
    const store = new S3Store(options);
    const block = randomBytes(MiB);
    async function* blocks(count: number, error?: Error) {
      for (let i = 0; i < count; i++) yield block;
      if (error) throw error;
    }
    expect(await exports.put(RUN, 'large.sql', blocks(7), never)).toBe(7 * MiB);
    const { url } = await exports.link(RUN, 'large.sql');
    const bytes = Buffer.from(await (await fetch(url)).arrayBuffer());
    expect([bytes.length, bytes.subarray(6 * MiB).equals(block)]).toEqual([7 * MiB, true]);
    expect(await exports.put(RUN, 'empty.sql', blocks(0), never)).toBe(0);
    await expect(exports.put(RUN, 'broken.sql', blocks(6, new Error('broke off')), never)).rejects.toThrow();
    const keys = (await Array.fromAsync(store.list('exports/'))).map(({ key }) => key);
    expect(keys).toEqual([`exports/${RUN}/empty.sql`, `exports/${RUN}/large.sql`]);
  });

  it('takes no name that leads elsewhere', async () => {
    const exports = new S3Exports(rgwOptions('bucket'));
    await expect(exports.link('../data', 'x')).rejects.toMatchObject({ code: 'E_INTERNAL' });
    await expect(exports.link(RUN, '../../repository.json')).rejects.toMatchObject({ code: 'E_INTERNAL' });
  });
});
