// An application that backs its database up every night, and has the admin API at /api/admin/backup:
//
//   export BACKUP_ENCRYPTION_KEY=<64 hex digits> ADMIN_TOKEN=<a long random text>
//   holdfast init -r ./backups
//   node server.ts postgres://localhost/shop
import { timingSafeEqual } from 'node:crypto';
import type { AddressInfo } from 'node:net';
import express from 'express';
import { adminRouter, startBackups } from 'holdfast/express';

const [source = 'postgres://localhost/shop', repository = './backups'] = process.argv.slice(2);
const token = process.env['ADMIN_TOKEN'] ?? '';
if (token.length < 16) throw new Error('ADMIN_TOKEN must have 16 characters or more');

const kind = source.startsWith('postgres:') ? 'postgres' : 'files';
const backups = await startBackups({
  config: {
    repository,
    sources: { shop: { kind, url: source } },
    schedules: { daily: '0 2 * * *', weekly: '0 3 * * 0' },
  },
  env: process.env,
  onError: (error) => console.error(error instanceof Error ? error.message : error),
});

const app = express();
app.get('/', (_, response) => void response.send('the shop is open'));
app.use(
  '/api/admin/backup',
  adminRouter(backups, {
    // Put the login of your application here. Whoever is let in may start backups, and look at all of them.
    caller: ({ headers }) =>
      isToken(headers.authorization) ? { id: 'ana', name: 'Ana', roles: ['operator'] } : undefined,
  }),
);

function isToken(header: string | undefined): boolean {
  const given = Buffer.from(header ?? '');
  const wanted = Buffer.from(`Bearer ${token}`);
  return given.length === wanted.length && timingSafeEqual(given, wanted);
}

const server = app.listen(Number(process.env['PORT'] ?? 3000), '127.0.0.1', () => {
  console.log(`http://127.0.0.1:${(server.address() as AddressInfo).port}`);
});
process.once('SIGTERM', async () => {
  server.close();
  // A backup that is running ends clean: nothing is listed of it.
  await backups[Symbol.asyncDispose]();
});
