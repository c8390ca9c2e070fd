import dns from 'node:dns';
import { connect as connectTcp, isIP, type Socket } from 'node:net';
import { type CheckResult, differs, holds } from '../../source-checks.ts';
import { type PostgresOptions, postgresName } from '../connection/options.ts';
import { NO_BACKUP, type PostgresCheck } from './look.ts';
import { judgeTls } from './tls.ts';

const SOCKET = 'a socket of this machine';
const NO_WAY =
  'Open the way: the security group or firewall of the server must let this machine in, and a route must lead there.';

/** What lies between here and the server, step by step; `login` is the judge of all of it together. */
export const NETWORK: readonly PostgresCheck[] = [
  {
    name: 'name',
    assumes: 'The name of the server leads to an address.',
    neededFor: 'backup',
    follows: NO_BACKUP,
    slow: { code: 'E_SOURCE_UNREACHABLE', fix: 'Check the name server of this machine or VPC.' },
    look: ({ options: { host } }) => resolve(host),
  },
  {
    name: 'route',
    assumes: 'The port of the server takes connections from here.',
    neededFor: 'backup',
    follows: NO_BACKUP,
    needs: 'name',
    slow: { code: 'E_SOURCE_UNREACHABLE', fix: NO_WAY },
    look: async ({ options }, signal) => {
      if (options.host.startsWith('/')) return holds(SOCKET);
      try {
        const socket = await openSocket(options, signal);
        const { remoteAddress = '' } = socket;
        socket.destroy();
        return holds(`${remoteAddress} port ${options.port}`);
      } catch (error) {
        return noRoute(options, (error as NodeJS.ErrnoException).code ?? String(error));
      }
    },
  },
  {
    name: 'tls',
    assumes: 'The connection is encrypted, and the server has proved who it is.',
    neededFor: 'backup',
    follows: 'Others on the network could read along, or answer in its place.',
    needs: 'route',
    slow: {
      code: 'E_SOURCE_UNREACHABLE',
      fix: 'See that a PostgreSQL server listens there, and nothing else.',
    },
    look: async ({ options }, signal) =>
      options.host.startsWith('/')
        ? holds(SOCKET)
        : judgeTls(options, (stop) => openSocket(options, stop), signal),
  },
];

async function resolve(host: string): Promise<CheckResult> {
  if (host.startsWith('/')) return holds(SOCKET);
  if (isIP(host) !== 0) return holds(host);
  const { promise, resolve: done } = Promise.withResolvers<CheckResult>();
  // As the driver asks: by the system, not by a name server directly.
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

function openSocket({ host, port }: PostgresOptions, signal: AbortSignal): Promise<Socket> {
  const { promise, resolve: done, reject } = Promise.withResolvers<Socket>();
  const socket = connectTcp({ host, port, signal });
  socket.once('connect', () => done(socket)).on('error', reject);
  return promise;
}

function noRoute(options: PostgresOptions, errno: string): CheckResult {
  const isRefused = errno === 'ECONNREFUSED';
  return differs(`${postgresName(options)}: the port takes no connection (${errno})`, {
    code: 'E_SOURCE_UNREACHABLE',
    fix: isRefused ? 'Start the server, or correct host and port: nothing listens there.' : NO_WAY,
  });
}
