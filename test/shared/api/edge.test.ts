import { createServer, type Server } from 'node:http';
import { type AddressInfo, connect } from 'node:net';
import express from 'express';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { adminRouter } from '../../../shared/api/express.ts';
import { LocalServer } from '../../../shared/api/local/local-server.ts';
import { ApiProblem } from '../../../shared/api/schema/status.ts';
import { API_BASE } from '../../../shared/core/api-names.ts';
import { MemoryStore } from '../../../shared/store/memory-store.ts';
import { adminApi, localBackend, sessionWith } from '../../support/api.ts';
import { backUp, initRepository, openRepository } from '../../support/repository/engine.ts';

/** What a client that is no browser can send: bytes on a connection, answered by bytes. */
async function send(
  port: number,
  lines: readonly string[],
): Promise<{ status: number; head: string; body: string }> {
  const socket = connect(port, '127.0.0.1');
  socket.end(`${[...lines, 'Connection: close', '', ''].join('\r\n')}`);
  const parts: Buffer[] = [];
  for await (const part of socket) parts.push(part as Buffer);
  const [head = '', body = ''] = Buffer.concat(parts).toString().split('\r\n\r\n', 2);
  return {
    status: Number(head.split(' ')[1]),
    head: `${head.toLowerCase()}\r\n`,
    body: /\{.*\}/s.exec(body)?.[0] ?? '',
  };
}

describe('requests as they come over a connection', () => {
  const { sessions, token } = sessionWith();
  const told: unknown[] = [];
  let local: LocalServer;
  let application: Server;
  let close: () => Promise<void>;

  beforeAll(async () => {
    const store = new MemoryStore();
    await initRepository(store);
    const repository = await openRepository(store);
    await backUp(repository, { orders: 'a\nb\n' });
    const { backend, tracker } = localBackend(repository);
    const onError = (error: unknown) => told.push(error);
    const api = adminApi(async () => backend, sessions, { onError });
    local = await LocalServer.start({
      api,
      sessions,
      console: undefined,
      port: 0,
      onLink: () => {},
      onError,
    });
    const app = express();
    const backups = {
      config: undefined,
      problem: () => undefined,
      backend: async () => backend,
      onError,
      [Symbol.asyncDispose]: async () => {},
    };
    const caller = () => ({ id: 'ana', name: 'ana', roles: ['operator', 'restorer'] as const });
    app.use(API_BASE, adminRouter(backups, { caller }));
    application = createServer(app);
    await new Promise<void>((resolve) => application.listen(0, '127.0.0.1', resolve));
    close = async () => {
      await local[Symbol.asyncDispose]();
      await new Promise((resolve) => application.close(resolve));
      await tracker.close();
      await repository[Symbol.asyncDispose]();
    };
  });
  afterAll(() => close());

  const portOf = {
    'holdfast serve': () => Number(new URL(local.origin).port),
    Express: () => (application.address() as AddressInfo).port,
  } as const;

  describe.each(Object.keys(portOf) as (keyof typeof portOf)[])('%s', (where) => {
    const host = () => `Host: 127.0.0.1:${portOf[where]()}`;
    const login = `Authorization: Bearer ${token}`;

    it.each([
      ['TRACE', 405, () => [`TRACE ${API_BASE}/list HTTP/1.1`, host(), login]],
      ['TRACE where there is nothing', 404, () => [`TRACE ${API_BASE}/none HTTP/1.1`, host(), login]],
      ['PUT', 405, () => [`PUT ${API_BASE}/list HTTP/1.1`, host(), login]],
      ['two hosts', 400, () => [`GET ${API_BASE}/list HTTP/1.1`, host(), 'Host: evil.example', login]],
      ['two hosts, the good one last', 400, () => [`GET ${API_BASE}/list HTTP/1.1`, host(), host(), login]],
      ['two logins', 400, () => [`GET ${API_BASE}/list HTTP/1.1`, host(), login, 'Authorization: Bearer x']],
      [
        'two types',
        400,
        () => [`GET ${API_BASE}/list HTTP/1.1`, host(), login, 'Content-Type: a/b', 'Content-Type: c/d'],
      ],
    ] as const)('refuses %s', async (_, status, lines) => {
      const answer = await send(portOf[where](), lines());
      expect(answer.status).toBe(status);
      expect(answer.head).toContain('content-type: application/problem+json');
      expect(answer.head).toContain('x-content-type-options: nosniff');
      if (status === 405) expect(answer.head).toContain('allow: get, head, options\r\n');
      expect(told.splice(0)).toEqual([]);
    });

    it('does not look at the head of a download, which would be one', async () => {
      const line = `HEAD ${API_BASE}/download/backup_daily_20260301_020000 HTTP/1.1`;
      const answer = await send(portOf[where](), [line, host(), login]);
      expect([answer.status, answer.body]).toEqual([405, '']);
      expect(answer.head).toContain('allow: get, options\r\n');
    });

    it('answers HEAD as GET, without a body', async () => {
      const ask = (method: string) =>
        send(portOf[where](), [`${method} ${API_BASE}/storage HTTP/1.1`, host(), login]);
      const [head, get] = [await ask('HEAD'), await ask('GET')];
      const etag = /etag: (\S+)/;
      expect([head.status, head.body]).toEqual([200, '']);
      expect(head.head).toContain('content-type: application/json');
      expect(get.body).toContain('storedBytes');
      expect(etag.exec(head.head)?.[1]).toBe(etag.exec(get.head)?.[1]);
    });
  });

  it.each([
    ['TRACE /', 405, 'get, head'],
    ['POST /config.json', 405, 'get, head'],
    ['PUT /session', 405, 'post, delete'],
    ['GET /session/resume', 405, 'post'],
  ])('says what a page of holdfast serve allows: %s', async (line, status, allow) => {
    const port = portOf['holdfast serve']();
    const answer = await send(port, [`${line} HTTP/1.1`, `Host: 127.0.0.1:${port}`]);
    expect([answer.status, ApiProblem.parse(JSON.parse(answer.body)).status]).toEqual([status, status]);
    expect(answer.head).toContain(`allow: ${allow}\r\n`);
  });
});
