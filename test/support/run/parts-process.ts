/**
 * Makes what test files of a run share, each when the first asks for it, and ends it all when its standard input does. It is a
 * process of its own, started by global-setup.ts: as its argument it takes the port of Ceph RGW; it writes where it is asked.
 */
import { execFile } from 'node:child_process';
import { once } from 'node:events';
import { chmod, mkdir, mkdtemp, rm } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import path from 'node:path';
import { promisify } from 'node:util';
import { CHROMIUM, POSTGRES_15_BIN } from './part-places.ts';
import { type PartMakers, serveParts } from './serve-parts.ts';

const run = promisify(execFile);
const RGW = path.resolve('test/rig/ceph-rgw.sh');
const [rgwPort = ''] = process.argv.slice(2);

await using all = new AsyncDisposableStack();
const folder = await mkdtemp(path.join(tmpdir(), 'holdfast-run-'));
all.defer(() => rm(folder, { recursive: true, force: true }));
// Servers may run as another user.
await chmod(folder, 0o755);
const parts = all.use(await serveParts(makers()));
process.stdout.write(`${parts.url}\n`);
process.stdin.resume();
await once(process.stdin, 'end');

function makers(): PartMakers {
  return {
    'ceph-rgw': async () => {
      const place = path.join(folder, 'rgw');
      all.defer(async () => void (await run(RGW, ['stop', place])));
      await run(RGW, ['start', place, rgwPort]);
    },
    'cluster-15': () => cluster('cluster-15', POSTGRES_15_BIN),
    'cluster-18': () => cluster('cluster-18', undefined),
    browser: async () => {
      const { chromium } = await import('playwright-core');
      const server = await chromium.launchServer({ executablePath: CHROMIUM, args: ['--no-sandbox'] });
      all.defer(() => server.close());
      return server.wsEndpoint();
    },
    console: async () => {
      const { buildConsole } = await import('../../../tools/build-console.ts');
      await buildConsole(path.join(folder, 'console'));
      return { folder: path.join(folder, 'console') };
    },
    lambdas: async () => (await import('../aws/bundles.ts')).builtLambdas(),
  };
}

async function cluster(name: string, bin: string | undefined) {
  const { makeCluster } = await import('../../../tools/embedded-postgres.ts');
  await mkdir(path.join(folder, name));
  return makeCluster(bin, path.join(folder, name));
}
