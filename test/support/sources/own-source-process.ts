import { mkdir } from 'node:fs/promises';
import path from 'node:path';
import { PassThrough } from 'node:stream';
import { pathToFileURL } from 'node:url';
import { main } from '../../../cli/main.ts';
import { adminFetch, startBackups } from '../../../shared/api/express.ts';
import { buildConsole } from '../../../tools/build-console.ts';
import { buildLambdas } from '../../../tools/build-lambdas.ts';

/**
 * Runs in a copy of the tree that has one more source: what each face of the product makes of it, as JSON on stdout. Prints nothing
 * else there. The first argument is a folder with diary.notes in it.
 */
const [folder = ''] = process.argv.slice(2);
const KEY = '7'.repeat(64);
const env = { ...process.env, BACKUP_ENCRYPTION_KEY: KEY };

const diary = { kind: 'notes', url: 'notes:./diary.notes', comment: '#' };
const CONFIG = {
  repository: './backups',
  sources: { diary },
  targets: { copy: { kind: 'notes', url: 'notes:./copy.notes' } },
  drill: { notes: { url: 'notes:./drills' } },
} as const;

async function holdfast(line: string) {
  const out = { stdout: new PassThrough(), stderr: new PassThrough() };
  const text = { stdout: '', stderr: '' };
  for (const name of ['stdout', 'stderr'] as const)
    out[name].on('data', (bytes: Buffer) => {
      text[name] += bytes.toString();
    });
  const status = await main(line.split(' '), { stdin: new PassThrough(), ...out, env, cwd: folder });
  return { line, status, ...text };
}

/** One command after the other. */
async function commands(lines: readonly string[]) {
  const results = [];
  for (const line of lines) results.push(await holdfast(line));
  return results;
}

function keyOf(ran: readonly { readonly line: string; readonly stdout: string }[]): string {
  return JSON.parse(ran.find(({ line }) => line.startsWith('backup daily'))?.stdout ?? '{}').key;
}

async function askApi(backup: string) {
  await using backups = await startBackups({ config: CONFIG as never, env, folder, schedule: false });
  const fetch = adminFetch(backups, {
    caller: () => ({ id: 'me', name: 'me', roles: ['admin', 'restorer'] }),
  });
  const ask = async (way: string, body?: object) => {
    const headers = { 'content-type': 'application/json' };
    const init = body ? { method: 'POST', headers, body: JSON.stringify(body) } : {};
    const answer = await fetch(new Request(`http://localhost/api/admin/backup${way}`, init));
    return { status: answer.status, text: await answer.text() };
  };
  const status = await ask('/status');
  const plan = { backup, to: 'copy', replace: true, dryRun: true };
  return {
    status,
    plan: await ask('/restore', { ...plan, options: { keepOld: true } }),
    unknown: await ask('/restore', { ...plan, options: { keepNew: true } }),
    wrong: await ask('/restore', { ...plan, options: { keepOld: 'yes' } }),
  };
}

/** The functions of a backup, from their bundles, one after the other as the state machine calls them. */
async function runFunctions() {
  const built = path.join(folder, 'lambdas');
  await buildLambdas(built);
  Object.assign(process.env, {
    HOLDFAST_REPOSITORY: path.join(folder, 'functions'),
    HOLDFAST_CONFIG: JSON.stringify({ sources: { diary: { ...diary, url: `notes:${folder}/diary.notes` } } }),
    BACKUP_ENCRYPTION_KEY: KEY,
    AWS_REGION: 'eu-west-1',
    POWERTOOLS_TRACE_ENABLED: 'false',
    POWERTOOLS_LOG_LEVEL: 'SILENT',
  });
  const call = async (name: string, event: object) => {
    const { handler } = await import(pathToFileURL(path.join(built, name, 'index.mjs')).href);
    const context = {
      getRemainingTimeInMillis: () => 300_000,
      memoryLimitInMB: '1024',
      functionName: name,
      awsRequestId: '00000000-0000-0000-0000-000000000000',
    };
    return handler(event, context);
  };
  const plan = await call('plan', { source: 'diary', type: 'daily', execution: 'arn:execution' });
  const about = { run: plan.run, source: 'diary', type: 'daily' };
  for (const { share } of plan.shares) await call('backup-partition', { ...about, share });
  const { records, datasets } = await call('commit', about);
  return { mode: plan.mode, records, datasets };
}

const write = process.stdout.write.bind(process.stdout);
// Functions log to stdout.
process.stdout.write = () => true;
await mkdir(path.join(folder, 'drills'));
const ran = await commands([
  'help backup',
  'help restore',
  'help export',
  '__complete restore --keep-o',
  'init',
  'test --source diary',
  'backup daily --source diary --json',
  'backup --source notes:./diary.notes --json',
  'list --json',
  'restore latest:diary --to notes:./restored.notes --json',
  'restore latest:diary --to notes:./restored.notes',
  'restore latest:diary --to notes:./restored.notes --replace --yes --keep-old',
  'restore latest:diary --to ./files --json',
  'restore latest:diary --to ./files --keep-old',
  'export latest:diary -d orders',
  'drill good:diary --json',
  'doctor --json',
]);
const result = {
  commands: ran,
  api: await askApi(keyOf(ran)),
  functions: await runFunctions(),
  console: await buildConsole(path.join(folder, 'console')),
};
write(JSON.stringify(result));
