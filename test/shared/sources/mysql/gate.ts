import { once } from 'node:events';
import { type AddressInfo, connect, createServer, type Socket } from 'node:net';

/** A way to a server on which something happens before certain statements arrive. */
export interface Gate extends AsyncDisposable {
  readonly port: number;
}

/** @param before called with what a client says, which goes on once that has ended */
export async function openGate(to: number, before: (text: string) => Promise<unknown>): Promise<Gate> {
  const sockets = new Set<Socket>();
  const server = createServer((client) => {
    const upstream = connect(to, '127.0.0.1');
    for (const socket of [client, upstream]) sockets.add(socket.on('error', () => undefined));
    upstream.pipe(client);
    let last: Promise<unknown> = Promise.resolve();
    client.on('data', (bytes) => {
      last = last
        .then(() => before(bytes.toString('latin1')))
        .then(() => upstream.write(bytes))
        .catch(() => client.destroy());
    });
    client.on('close', () => void last.finally(() => upstream.destroy()));
  }).listen(0, '127.0.0.1');
  await once(server, 'listening');
  return {
    port: (server.address() as AddressInfo).port,
    [Symbol.asyncDispose]: async () => {
      for (const socket of sockets) socket.destroy();
      server.close();
      await once(server, 'close');
    },
  };
}
