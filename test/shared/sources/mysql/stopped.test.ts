import { once } from 'node:events';
import { type AddressInfo, createServer } from 'node:net';
import { expect, it, onTestFinished } from 'vitest';
import { Session } from '../../../../shared/sources/mysql/connection/connection.ts';
import { parseMysqlOptions } from '../../../../shared/sources/mysql/connection/options.ts';

it('a login that is stopped before the server has taken the connection ends at once', async () => {
  const server = createServer((socket) => void socket.on('error', () => undefined)).listen(0, '127.0.0.1');
  await once(server, 'listening');
  onTestFinished(() => void server.close());
  const { port } = server.address() as AddressInfo;
  const options = parseMysqlOptions(`mysql://ana:pw@127.0.0.1:${port}/shop?tls=disable`, {}, {});
  const stop = new AbortController();
  const connecting = Session.connect(options, stop.signal);
  // The socket is made in a microtask, and connected in a later turn of the event loop.
  process.nextTick(() => queueMicrotask(() => stop.abort()));
  await expect(connecting).rejects.toMatchObject({ code: 'E_ABORTED' });
}, 10_000);
