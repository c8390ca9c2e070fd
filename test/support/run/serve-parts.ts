import { once } from 'node:events';
import { createServer } from 'node:http';
import type { AddressInfo } from 'node:net';

/** What takes long to make, by name: each is made once for a run, when the first test file asks for it. */
export type PartMakers = Readonly<Record<string, () => Promise<unknown>>>;

export interface SharedParts extends AsyncDisposable {
  readonly url: string;
}

/** Makes parts for test files, which run in other processes. */
export async function serveParts(makers: PartMakers): Promise<SharedParts> {
  const made = new Map<string, Promise<unknown>>();
  const make = (name: string): Promise<unknown> => {
    const maker = makers[name];
    if (maker === undefined) return Promise.reject(new Error(`no part is named '${name}'`));
    const part = made.get(name) ?? maker();
    made.set(name, part);
    return part;
  };
  const server = createServer((request, response) => {
    make((request.url ?? '/').slice(1)).then(
      (part) => response.end(JSON.stringify(part ?? null)),
      (error: unknown) => response.writeHead(500).end(String(error)),
    );
  });
  server.requestTimeout = 0;
  server.listen(0, '127.0.0.1');
  await once(server, 'listening');
  return {
    url: `http://127.0.0.1:${(server.address() as AddressInfo).port}`,
    [Symbol.asyncDispose]: async () => {
      server.close();
      server.closeAllConnections();
      await Promise.allSettled(made.values());
    },
  };
}
