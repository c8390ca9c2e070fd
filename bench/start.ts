import { spawn } from 'node:child_process';
import { once } from 'node:events';
import { mkdirSync, statSync, utimesSync, writeFileSync } from 'node:fs';
import { createServer } from 'node:http';
import type { AddressInfo } from 'node:net';
import path from 'node:path';
import { installHoldfast } from '../tools/installed.ts';
import { measure } from './measure.ts';
import type { Options } from './options.ts';
import { type Bar, codeTable, showBars, spread } from './report.ts';
import { HOLDFAST_KEY } from './tools.ts';

const LIMIT_S = 0.12;
/** The first start of a program fills the cache of compiled code. */
const STARTS_A_ROUND = 5;
/** Every command asks for this object before any other. */
const FIRST_OBJECT = 'repository.json';
const LONG_AGO_S = 1;

/** Without the program, and without what says where the repository is. */
const COMMANDS: readonly (readonly string[])[] = [
  ['list'],
  ['status'],
  ['backup', '--source', 'FILE'],
  ['restore', 'latest', '--to', 'FOLDER', '--replace', '--yes'],
  ['verify', '--all', '--quick'],
  ['prune', '--dry-run'],
];

interface Bench {
  readonly program: string;
  readonly folder: string;
  readonly repository: string;
}

/** How long commands take from the start of their process until they ask the repository for its first object. */
export async function start(folder: string, { rounds }: Options): Promise<string> {
  const bench = { program: installHoldfast(folder), folder, repository: path.join(folder, 'repository') };
  const file = path.join(folder, 'rows.txt');
  mkdirSync(path.join(folder, 'restored'));
  writeFileSync(file, '1\tone\n');
  await measure(commandIn(bench, ['init']));
  await measure(commandIn(bench, ['backup', '--source', file]));
  const starts = rounds * STARTS_A_ROUND;
  const rows: string[][] = [];
  const bars: Bar[] = [];
  for (const words of COMMANDS) {
    const args = words.map((word) => ({ FILE: file, FOLDER: path.join(folder, 'restored') })[word] ?? word);
    for (const [place, timeOf] of [
      ['a folder', firstRead],
      ['S3', firstRequest],
    ] as const) {
      const times: number[] = [];
      for (let i = 0; i <= starts; i++) {
        const seconds = await timeOf(bench, args);
        if (i > 0) times.push(seconds);
      }
      const measured = spread(times);
      const name = words.filter((word) => !['FILE', 'FOLDER'].includes(word)).join(' ');
      rows.push([name, place, ...[measured.median, measured.least, measured.most].map((s) => s.toFixed(3))]);
      bars.push({
        measure: `${words[0]}, ${place}: seconds to the first store call`,
        limit: LIMIT_S,
        measured,
      });
    }
  }
  return `From the start of the process until it asked for \`${FIRST_OBJECT}\`, its first object. In a folder that is when the file was read, as its access time says (to some 4 ms); on S3 when a server on this machine got the request. ${starts} starts each, after one that is not counted.

${showBars(bars)}

${codeTable(['COMMAND', 'REPOSITORY', 'MEDIAN S', 'LEAST', 'MOST'], rows)}`;
}

function commandIn({ program, repository }: Bench, args: readonly string[]) {
  return { argv: [program, ...args, '--quiet'], env: environmentOf(repository) };
}

function environmentOf(repository: string) {
  return { HOLDFAST_REPOSITORY: repository, BACKUP_ENCRYPTION_KEY: HOLDFAST_KEY };
}

/** Seconds until the repository's file was read for the first time. @throws Error if access times are not kept */
async function firstRead(bench: Bench, args: readonly string[]): Promise<number> {
  const object = path.join(bench.repository, FIRST_OBJECT);
  // Linux notes when a file is read if its last access lies before its last change.
  utimesSync(object, LONG_AGO_S, Date.now() / 1000);
  const startedMs = Date.now();
  await measure(commandIn(bench, args));
  const readMs = statSync(object).atimeMs;
  if (readMs < startedMs - 10)
    throw new Error(`${bench.folder} is on a file system that keeps no access times: set TMPDIR to another`);
  return Math.max(0, readMs - startedMs) / 1000;
}

/** Seconds until the repository's file was asked for; the command is then ended. */
async function firstRequest({ program, folder }: Bench, args: readonly string[]): Promise<number> {
  const server = createServer();
  server.listen(0, '127.0.0.1');
  await once(server, 'listening');
  const child = spawn(program, [...args, '--quiet'], {
    cwd: folder,
    env: {
      ...process.env,
      ...environmentOf('s3://bench/start'),
      AWS_ENDPOINT_URL_S3: `http://127.0.0.1:${(server.address() as AddressInfo).port}`,
      AWS_REGION: 'us-east-1',
      AWS_ACCESS_KEY_ID: 'bench',
      AWS_SECRET_ACCESS_KEY: 'bench',
    },
    stdio: 'ignore',
  });
  const began = performance.now();
  try {
    const ended = once(child, 'exit').then(() => {
      throw new Error(`${args.join(' ')} ended without a request`);
    });
    await Promise.race([once(server, 'request'), ended]);
    return (performance.now() - began) / 1000;
  } finally {
    child.kill('SIGKILL');
    server.closeAllConnections();
    server.close();
  }
}
