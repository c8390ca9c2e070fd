import { mkdtemp, rm } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import path from 'node:path';
import { parseArgs } from 'node:util';
import { main } from '../cli/main.ts';
import { SECOND_MS } from '../shared/core/units.ts';
import { TILL_CONTINUOUS, TILL_SERVER, type Till } from '../test/support/console/demo-till.ts';
import { makeDemoWorld } from '../test/support/console/demo-world.ts';
import { TEST_KEY } from '../test/support/repository/engine.ts';
import { buildConsole } from './build-console.ts';
import { startPostgres } from './embedded-postgres.ts';

const HELP = `Usage: npm run demo [-- --port PORT] [--protected]

Opens the console over a year of backups of a small shop: with retention, runs that failed, nights that were missed, a
suspect backup, a hold, verifications and drills; and of a till whose changes are stored every ten seconds, so that every
moment of it can be restored, but for a gap. The shop is a real PostgreSQL of its own, and so is what backups are
restored and drilled into: every screen can be tried to its end. Takes about a minute to begin. Ctrl-C ends it, and
removes all of it.

  --port PORT   of the console; default 4640
  --protected   without the suspect backup that waits: all is well
`;

const DAILY_DAYS = 366;
const VISITS = 30_000;
const KEPT = { daily: 60, weekly: 350, manual: 400 };

const { values } = parseArgs({
  options: {
    port: { type: 'string', default: '4640' },
    protected: { type: 'boolean', default: false },
    help: { type: 'boolean', default: false },
  },
});

if (values.help) console.log(HELP);
else process.exitCode = await demo();

async function demo(): Promise<number> {
  await using started = new AsyncDisposableStack();
  const folder = await mkdtemp(path.join(tmpdir(), 'holdfast-demo-'));
  started.defer(() => rm(folder, { recursive: true, force: true }));
  console.log('starting PostgreSQL, building the console');
  const consoleFolder = path.join(folder, 'console');
  const [postgres] = await Promise.all([
    startPostgres({ settings: TILL_SERVER }),
    buildConsole(consoleFolder),
  ]);
  started.defer(() => postgres.stop());
  console.log('making a year of backups');
  const options = {
    dailyDays: DAILY_DAYS,
    visits: VISITS,
    retention: KEPT,
    isPruned: true,
    isSuspect: !values.protected,
    onTill: (till: Till & AsyncDisposable) => {
      started.use(till);
      started.defer(keepOpen(till));
    },
  };
  const keys = await makeDemoWorld(folder, postgres, options);
  console.log(`${keys.length} backups were made; what retention has left is in ${folder}`);
  const serve = ['serve', '--port', values.port, '--console', consoleFolder];
  // Nothing is removed before it ends.
  return await main(serve, { cwd: folder, env: { ...process.env, BACKUP_ENCRYPTION_KEY: TEST_KEY } });
}

/** Customers come, and what they buy is stored, until it ends. @returns ends it */
function keepOpen({ sell, poll }: Till): () => Promise<void> {
  let last = Promise.resolve();
  const turn = async () => {
    await sell();
    await poll();
  };
  const timer = setInterval(() => {
    last = last.then(turn).catch((error: unknown) => console.error('the till is not polled:', error));
  }, TILL_CONTINUOUS.everySeconds * SECOND_MS);
  return () => {
    clearInterval(timer);
    return last;
  };
}
