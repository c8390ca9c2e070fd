import { randomBytes } from 'node:crypto';
import { mkdtemp, rm } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import path from 'node:path';
import { parseArgs } from 'node:util';
import { bytes, duration, number, ratio, table } from '../cli/format.ts';
import { backupName } from '../shared/core/backup-words.ts';
import { HoldfastError } from '../shared/core/errors.ts';
import { runBackup } from '../shared/jobs/backup/backup.ts';
import {
  initConfiguredRepository,
  openConfiguredRepository,
  type RepositoryConfig,
} from '../shared/jobs/open-repository.ts';
import { restoreBackup } from '../shared/jobs/restore/restore.ts';
import { openTarget, placeOfUrl, type SourceConfig } from '../shared/jobs/source/adapters.ts';
import { openSource } from '../shared/jobs/source/open-source.ts';
import { verifyBackups } from '../shared/jobs/verify/verify.ts';
import { pluginOfUrl } from '../shared/sources/registry.ts';
import type { Demo } from './quickstart-demo.ts';
import { startFirebaseDemo } from './quickstart-firebase.ts';
import { startMysqlDemo } from './quickstart-mysql.ts';
import { startPostgresDemo } from './quickstart-postgres.ts';

const HELP = `Usage: npm run quickstart [-- --source SOURCE] [--repository PLACE]

Backs a real PostgreSQL up twice, verifies, restores and compares, in about half a minute.

  --source firebase   a Firebase Realtime Database instead, on a local server. That server is ours: queries, order of
                      keys, priorities and ETags are Google's own code, the HTTP around them is not
  --source mysql      a MariaDB instead, if it is installed here (Debian, Ubuntu: apt install mariadb-server)
  --source URL        your own database instead of the sample one (postgres://…, mysql://…,
                      https://NAME.firebaseio.com); it is only read
  --repository PLACE  a folder or s3://bucket/prefix, kept; needs BACKUP_ENCRYPTION_KEY. Default: a temporary folder
`;

const NEXT = `Try next, on your own database:
  npx holdfast init --repository ./backups --new-key ./holdfast.key
  export HOLDFAST_REPOSITORY=./backups HOLDFAST_KEY_FILE=./holdfast.key
  npx holdfast backup daily --source postgres://localhost/shop
  npx holdfast restore latest --to postgres://localhost/scratch
`;

const POSTGRES_START = 'start PostgreSQL 18';
const FIREBASE_START = 'start a Firebase server of our own';
/** Words for a tour with a database of its own. */
const SAMPLES = new Set(['firebase', 'mysql']);
const MYSQL_START = 'start the MariaDB that is installed here';

const { values } = parseArgs({
  options: {
    source: { type: 'string' },
    repository: { type: 'string' },
    help: { type: 'boolean', default: false },
  },
});
const signal = new AbortController().signal;
const rows: string[][] = [];

if (values.help) console.log(HELP);
else
  try {
    await main();
  } catch (error) {
    const known = error instanceof HoldfastError ? error : undefined;
    console.error(
      `error: ${error instanceof Error ? error.message : String(error)}${known?.hint ? `\nhint: ${known.hint}` : ''}`,
    );
    process.exitCode = 1;
  }

async function main(): Promise<void> {
  const folder = await mkdtemp(path.join(tmpdir(), 'holdfast-quickstart-'));
  const { title, start } = demoOf(values.source ?? 'postgres://');
  const demo = await step(title, async () => {
    const started = await start();
    return { value: started, result: started.place };
  });
  try {
    await tour(demo, folder);
  } finally {
    await demo.stop();
    await rm(folder, { recursive: true, force: true });
  }
}

/** The tour of a name, or of the kind that a URL is of. */
function demoOf(source: string): { readonly title: string; readonly start: () => Promise<Demo> } {
  const kind = pluginOfUrl(source)?.kind;
  if (source === 'firebase' || kind === 'firebase-rtdb')
    return { title: FIREBASE_START, start: startFirebaseDemo };
  if (source === 'mysql' || kind === 'mysql') return { title: MYSQL_START, start: startMysqlDemo };
  return { title: POSTGRES_START, start: startPostgresDemo };
}

async function tour(demo: Demo, folder: string): Promise<void> {
  const own = values.source === undefined || SAMPLES.has(values.source) ? undefined : configOf(values.source);
  const source = own ?? (await step(demo.loads, () => demo.load()));
  const config = await repositoryFor(folder);
  await using repository = await openConfiguredRepository(config, signal);
  const backUp = async (type: string) => {
    const made = await runBackup(repository, await openSource(source, process.env), { type, signal });
    const { plainBytes, storedBytes, newChunks, chunks, cost } = made;
    const read = cost ? `read ${bytes(cost.readBytes)} of ${bytes(plainBytes)}` : `read ${bytes(plainBytes)}`;
    return {
      value: made,
      result: `${read}, stored ${bytes(storedBytes)}, ${newChunks} of ${chunks} chunks new`,
    };
  };
  const first = await step('back up', () => backUp('daily'));
  if (own === undefined) await step(demo.changes, () => demo.change());
  const second = await step('back up again', () => backUp('daily'));
  await step('verify both, every byte', async () => {
    const report = await verifyBackups(repository, [first.key, second.key], {
      depth: { kind: 'full' },
      signal,
    });
    const [finding] = report.findings;
    if (finding) throw new HoldfastError('E_VERIFY_FAILED', finding.problem);
    return { value: report, result: `${report.packs} packs, ${number(report.chunks)} chunks: whole` };
  });
  const restored = await step('restore elsewhere, compare everything', async () => {
    const target = await openTarget(await demo.target(), process.env);
    // Owners and definers of a database of somebody else's are not there.
    const isForeign = own?.kind === 'postgres' || own?.kind === 'mysql';
    const options = { noOwner: isForeign, noPrivileges: isForeign, signal };
    const done = await restoreBackup(repository, second.key, target, options);
    return {
      value: done,
      result: `${number(done.records)} records in ${done.comparison.length} datasets: equal`,
    };
  });
  console.log(`\n${table(['STEP', 'TIME', 'RESULT'], rows)}`);
  const sizes = table(
    ['BACKUP', 'HOLDS', 'ADDED', 'SMALLER BY'],
    [first, second].map(({ key, plainBytes, storedBytes }) => [
      backupName(key),
      bytes(plainBytes),
      bytes(storedBytes),
      ratio(plainBytes, storedBytes),
    ]),
  );
  console.log(`${sizes}`);
  console.log(
    `Proven: ${restored.comparison.map(({ dataset, backupRecords }) => `${dataset} (${number(backupRecords)})`).join(', ')} came back equal.\n`,
  );
  for (const line of [demo.note, NEXT]) if (line) console.log(line);
}

function configOf(url: string): SourceConfig {
  return placeOfUrl(url, process.cwd());
}

async function repositoryFor(folder: string): Promise<RepositoryConfig> {
  const isOwn = values.repository !== undefined;
  const encryptionKey = isOwn ? process.env['BACKUP_ENCRYPTION_KEY'] : randomBytes(32).toString('hex');
  const s3 = { region: process.env['AWS_REGION'], endpoint: process.env['AWS_ENDPOINT_URL_S3'] };
  const config = { repository: values.repository ?? path.join(folder, 'repository'), s3, encryptionKey };
  return step('make a repository with a key of its own', async () => {
    try {
      const { location } = await initConfiguredRepository(config, signal);
      return { value: config, result: location };
    } catch (error) {
      if (!isOwn || !(error instanceof HoldfastError) || error.code !== 'E_REPOSITORY_EXISTS') throw error;
      return { value: config, result: `${config.repository}, as it is` };
    }
  });
}

/** Runs a step, prints and keeps its time and result. */
async function step<T>(
  name: string,
  work: () => Promise<{ readonly value: T; readonly result: string }>,
): Promise<T> {
  const began = performance.now();
  const { value, result } = await work();
  const took = duration(performance.now() - began);
  console.log(`${name}: ${result} (${took})`);
  rows.push([name, took, result]);
  return value;
}
