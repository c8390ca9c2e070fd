import { spawn } from 'node:child_process';
import { once } from 'node:events';
import { chmod, mkdtemp, rm, statfs } from 'node:fs/promises';
import path from 'node:path';
import { createInterface } from 'node:readline';
import type { TestProject } from 'vitest/node';

/** Settings of whoever runs the tests, which no test may take for its own. Logins of real services are left. */
const FORGOTTEN = /^(HOLDFAST_(REPOSITORY|KEY|KEY_FILE|KMS_KEY|SOURCE|CONFIG)|BACKUP_.*|ENABLE_BACKUPS)$/;

const MEMORY_DISK = '/dev/shm';
const MEMORY_DISK_BYTES = 4 * 2 ** 30;

/** Where Node keeps what it made of modules: every worker thread and every command loads the same ones. */
const COMPILED = path.resolve('node_modules/.cache/holdfast-compiled');

/** Lets test files ask for what they share (parts-process.ts), and ends it after the last. */
export default async function setup({ provide }: TestProject): Promise<() => Promise<void>> {
  for (const name of Object.keys(process.env)) if (FORGOTTEN.test(name)) delete process.env[name];
  process.env['NODE_COMPILE_CACHE'] ??= COMPILED;
  // The CDK's own look at the templates takes a process a minute. test/package has it, as a user would;
  // test/infra/cloudformation.test.ts is ours.
  process.env['CDK_VALIDATION'] ??= 'false';
  const inMemory = await memoryFolder();
  if (inMemory) process.env['TMPDIR'] = inMemory;
  const rgwPort = 20_000 + (process.pid % 10_000);
  const program = path.resolve('test/support/run/parts-process.ts');
  const parts = spawn(process.execPath, [program, String(rgwPort)], { stdio: ['pipe', 'pipe', 'inherit'] });
  const ended = once(parts, 'exit');
  const [url] = await once(createInterface(parts.stdout), 'line');
  provide('sharedParts', url);
  provide('rgwEndpoint', `http://127.0.0.1:${rgwPort}`);
  return async () => {
    parts.stdin.end();
    await ended;
    if (inMemory) await rm(inMemory, { recursive: true, force: true });
  };
}

/** Where files of databases and repositories cost no writes to a disk; undefined if there is no room, or the full form might want more. */
async function memoryFolder(): Promise<string | undefined> {
  if (process.env['HOLDFAST_TEST_FULL'] === '1' || process.env['TMPDIR'] !== undefined) return undefined;
  const room = await statfs(MEMORY_DISK).catch(() => undefined);
  if (!room || room.bavail * room.bsize < MEMORY_DISK_BYTES) return undefined;
  const folder = await mkdtemp(path.join(MEMORY_DISK, 'holdfast-tests-'));
  // Servers run as another user if the tests run as root.
  await chmod(folder, 0o1777);
  return folder;
}
