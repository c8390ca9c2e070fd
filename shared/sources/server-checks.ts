import dns from 'node:dns';
import { connect as connectTcp, isIP, type Socket } from 'node:net';
import { type Check, type CheckResult, differs, holds } from './source-checks.ts';

/** Where a server is. */
export interface ServerPlace {
  /** A host name, an address, or the path of a Unix socket or its folder (starts with `/`). */
  readonly host: string;
  readonly port: number;
  /** As messages call it, without a secret. */
  readonly name: string;
}

/** What follows if a database cannot be reached or read. */
export const NO_BACKUP = 'No backup can be made.';
/** Seen of a server that is not reached over a network. */
export const SOCKET = 'a socket of this machine';

const NO_WAY =
  'Open the way: the security group or firewall of the server must let this machine in, and a route must lead there.';

/** Whether there is a way to a server: `name`, then `route`. */
export function wayChecks<Context>(placeOf: (context: Context) => ServerPlace): readonly Check<Context>[] {
  return [
    {
      name: 'name',
      assumes: 'The name of the server leads to an address.',
      neededFor: 'backup',
      follows: NO_BACKUP,
      slow: { code: 'E_SOURCE_UNREACHABLE', fix: 'Check the name server of this machine or VPC.' },
      look: (context) => resolve(placeOf(context)),
    },
    {
      name: 'route',
      assumes: 'The port of the server takes connections from here.',
      neededFor: 'backup',
      follows: NO_BACKUP,
      needs: 'name',
      slow: { code: 'E_SOURCE_UNREACHABLE', fix: NO_WAY },
      look: (context, signal) => knock(placeOf(context), signal),
    },
  ];
}

/** A connection that nothing was said on yet. @throws the system's error */
export function openSocket(
  { host, port }: Pick<ServerPlace, 'host' | 'port'>,
  signal: AbortSignal,
): Promise<Socket> {
  const { promise, resolve: done, reject } = Promise.withResolvers<Socket>();
  const socket = connectTcp({ host, port, signal });
  socket.once('connect', () => done(socket)).on('error', reject);
  return promise;
}

async function resolve({ host }: ServerPlace): Promise<CheckResult> {
  if (host.startsWith('/')) return holds(SOCKET);
  if (isIP(host) !== 0) return holds(host);
  const { promise, resolve: done } = Promise.withResolvers<CheckResult>();
  // As connections ask: by the system, not by a name server directly.
  dns.lookup(host, { all: true }, (error, found) => {
    if (!error && found.length > 0)
      return done(holds(`${host} is ${found.map(({ address }) => address).join(', ')}`));
    done(
      differs(`${host} cannot be looked up (${error?.code ?? 'no address'})`, {
        code: 'E_SOURCE_UNREACHABLE',
        fix: "Correct the server's host name; a private name needs the name server of its network or VPC.",
      }),
    );
  });
  return promise;
}

async function knock(place: ServerPlace, signal: AbortSignal): Promise<CheckResult> {
  if (place.host.startsWith('/')) return holds(SOCKET);
  try {
    const socket = await openSocket(place, signal);
    const { remoteAddress = place.host } = socket;
    socket.destroy();
    return holds(`${remoteAddress} port ${place.port}`);
  } catch (error) {
    const errno = error instanceof Error && 'code' in error ? String(error.code) : String(error);
    return differs(`${place.name}: the port takes no connection (${errno})`, {
      code: 'E_SOURCE_UNREACHABLE',
      fix:
        errno === 'ECONNREFUSED'
          ? 'Start the server, or correct host and port: nothing listens there.'
          : NO_WAY,
    });
  }
}
