import { openSocket, SOCKET, wayChecks } from '../../server-checks.ts';
import { holds } from '../../source-checks.ts';
import { postgresName } from '../connection/options.ts';
import type { CheckContext, PostgresCheck } from './look.ts';
import { judgeTls } from './tls.ts';

/** What lies between here and the server, step by step; `login` is the judge of all of it together. */
export const NETWORK: readonly PostgresCheck[] = [
  ...wayChecks<CheckContext>(({ options }) => ({ ...options, name: postgresName(options) })),
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
