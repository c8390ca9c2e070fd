import { afterAll, beforeAll } from 'vitest';
import type { PostgresServer } from '../../tools/embedded-postgres.ts';
import { ownPostgres } from '../support/postgres.ts';
import { openDatabase, POSTGRES } from './places/postgres.ts';
import { describeScratchServer } from './scratch-server.contract.ts';
import { describeSource } from './source.contract.ts';
import { describeTarget } from './target.contract.ts';

let server: PostgresServer;
beforeAll(async () => {
  server = await ownPostgres(18);
});
afterAll(() => server?.stop());

const open = () => openDatabase(server);
describeSource(POSTGRES, open, 'a server');
describeTarget(POSTGRES, open, 'a server');
describeScratchServer(POSTGRES, open, 'a server');
