import { once } from 'node:events';
import { createServer } from 'node:http';
import type { AddressInfo } from 'node:net';
import { expect, it, onTestFinished } from 'vitest';
import { readBucketRules } from '../../../shared/store/s3-rules.ts';
import { never } from '../../support/repository/engine.ts';

/** Asks a store that gives that answer to everything. */
async function ask(status: number, body: string, signal = never) {
  const server = createServer((_, response) => {
    response.writeHead(status, { 'content-type': 'application/xml' }).end(body);
  });
  server.listen(0, '127.0.0.1');
  await once(server, 'listening');
  onTestFinished(() => {
    server.closeAllConnections();
    server.close();
  });
  const endpoint = `http://127.0.0.1:${(server.address() as AddressInfo).port}`;
  const credentials = { accessKeyId: 'AKIATEST', secretAccessKey: 'hush' };
  return readBucketRules({ bucket: 'shop-backups', prefix: '', endpoint, credentials }, signal);
}

const error = (code: string) => `<Error><Code>${code}</Code><Message>no</Message></Error>`;

it.each([
  [404, error('NoSuchLifecycleConfiguration')],
  [501, error('NotImplemented')],
  [200, '<LifecycleConfiguration/>'],
])('a store has no rules, or none at all (%i)', async (status, body) => {
  expect(await ask(status, body)).toEqual({ dangers: [], unread: undefined });
});

it.each([
  [403, error('AccessDenied'), /refused access/],
  [400, error('InvalidRequest'), /./],
  [405, error('MethodNotAllowed'), /./],
  [404, error('NoSuchBucket'), /no bucket shop-backups/],
])('what could not be asked is said to be unknown, not to be well (%i %s)', async (status, body, message) => {
  const { dangers, unread } = await ask(status, body);
  expect(dangers).toEqual([]);
  expect(unread).toMatch(message);
  expect(unread).not.toContain('hush');
});

it('a rule is read from what the store sends', async () => {
  const rule =
    '<Rule><ID>old</ID><Prefix>backups/</Prefix><Status>Enabled</Status><Expiration><Days>30</Days></Expiration></Rule>';
  const { dangers } = await ask(200, `<LifecycleConfiguration>${rule}</LifecycleConfiguration>`);
  expect(dangers).toEqual([
    { rule: 'old', effect: 'expires', problem: expect.stringContaining('below backups/ after 30 days') },
  ]);
});

it('a request that is stopped is', async () => {
  await expect(ask(200, '', AbortSignal.abort())).rejects.toMatchObject({ code: 'E_ABORTED' });
});
