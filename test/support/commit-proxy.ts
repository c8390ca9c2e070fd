import { type AddressInfo, connect, createServer, type Socket } from 'node:net';

/** What becomes of the first COMMIT, and of the connection that it came over. */
export type Fate =
  | 'the answer is lost'
  | 'it never arrives'
  | 'it arrives late'
  | 'it never arrives, and the server learns that late'
  | 'nobody can ask afterwards';

/** How long the server is left with a transaction whose client has gone. */
const LATE_MS = 400;
/** A whole statement, as PostgreSQL and MySQL are sent it. */
const COMMITS = [
  Buffer.from([0x0b, ...Buffer.from('COMMIT'), 0]),
  Buffer.from([3, ...Buffer.from('COMMIT')]),
];

/** Stands before a database server on this machine, and meddles with the first COMMIT. */
export async function startCommitProxy(
  port: number,
  fate: Fate,
): Promise<AsyncDisposable & { readonly port: number; readonly isMet: () => boolean }> {
  const sockets = new Set<Socket>();
  let isMet = false;
  const server = createServer((client) => {
    const upstream = connect(port, '127.0.0.1');
    for (const socket of [client, upstream]) sockets.add(socket.on('error', () => undefined));
    let isLeft = false;
    client.on('data', (bytes: Buffer) => {
      if (isMet || !COMMITS.some((end) => bytes.subarray(-end.length).equals(end))) {
        upstream.write(bytes);
        return;
      }
      isMet = true;
      isLeft = true;
      meddle({ client, upstream, bytes });
    });
    upstream.on('data', (bytes: Buffer) => {
      if (isLeft) upstream.destroy();
      else client.write(bytes);
    });
    client.on('close', () => isLeft || upstream.end());
    upstream.on('close', () => client.destroy());
  });
  const meddle = ({
    client,
    upstream,
    bytes,
  }: {
    readonly client: Socket;
    readonly upstream: Socket;
    readonly bytes: Buffer;
  }): void => {
    if (fate === 'the answer is lost') {
      upstream.write(bytes);
      return;
    }
    client.destroy();
    if (fate === 'it never arrives') upstream.destroy();
    if (fate === 'it arrives late') setTimeout(() => upstream.write(bytes), LATE_MS);
    if (fate === 'it never arrives, and the server learns that late')
      setTimeout(() => upstream.destroy(), LATE_MS);
    if (fate === 'nobody can ask afterwards') {
      upstream.write(bytes);
      server.close();
    }
  };
  await new Promise<void>((resolve) => server.listen(0, '127.0.0.1', resolve));
  return {
    port: (server.address() as AddressInfo).port,
    isMet: () => isMet,
    async [Symbol.asyncDispose]() {
      for (const socket of sockets) socket.destroy();
      server.close();
    },
  };
}
