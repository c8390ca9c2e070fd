import { lookup } from 'node:dns/promises';
import { once } from 'node:events';
import { connect as connectTcp, isIP } from 'node:net';
import { type CheckResult, differs, holds } from '../../source-checks.ts';
import { type MysqlOptions, mysqlName } from '../connection/options.ts';
import { type MysqlCheck, NO_BACKUP } from './look.ts';

const SOCKET = 'a socket of this machine';
const NO_WAY =
  'Open the way: the security group or firewall of the server must let this machine in, and a route must lead there.';

/** What lies between here and the server; `login` and `tls` judge the rest of the way. */
export const NETWORK: readonly MysqlCheck[] = [
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
    look: ({ options }, signal) => knock(options, signal),
  },
];

async function resolve(host: string): Promise<CheckResult> {
  if (host.startsWith('/')) return holds(SOCKET);
  if (isIP(host) !== 0) return holds(host);
  try {
    const found = await lookup(host, { all: true });
    return holds(`${host} is ${found.map(({ address }) => address).join(', ')}`);
  } catch (error) {
    return differs(`${host} cannot be looked up (${errnoOf(error)})`, {
      code: 'E_SOURCE_UNREACHABLE',
      fix: "Correct the server's host name; a private name needs the name server of its network or VPC.",
    });
  }
}

async function knock(options: MysqlOptions, signal: AbortSignal): Promise<CheckResult> {
  const { host, port } = options;
  if (host.startsWith('/')) return holds(SOCKET);
  const socket = connectTcp({ host, port, signal });
  try {
    await once(socket, 'connect');
    return holds(`${socket.remoteAddress ?? host} port ${port}`);
  } catch (error) {
    const errno = errnoOf(error);
    return differs(`${mysqlName(options)}: the port takes no connection (${errno})`, {
      code: 'E_SOURCE_UNREACHABLE',
      fix:
        errno === 'ECONNREFUSED'
          ? 'Start the server, or correct host and port: nothing listens there.'
          : NO_WAY,
    });
  } finally {
    socket.destroy();
  }
}

function errnoOf(error: unknown): string {
  return error instanceof Error && 'code' in error ? String(error.code) : String(error);
}
