import { execFile } from 'node:child_process';
import { rm } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import path from 'node:path';
import { promisify } from 'node:util';
import type { TestProject } from 'vitest/node';
import { hasPart } from './parts.ts';

const run = promisify(execFile);
const SCRIPT = path.resolve('test/rig/ceph-rgw.sh');

declare module 'vitest' {
  export interface ProvidedContext {
    /** Endpoint of the Ceph RGW that all test files share; empty where it is not installed. */
    readonly rgwEndpoint: string;
  }
}

/** Settings of whoever runs the tests, which no test may take for its own. Logins of real services are left. */
const FORGOTTEN = /^(HOLDFAST_(REPOSITORY|KEY|KEY_FILE|KMS_KEY|SOURCE|CONFIG)|BACKUP_.*|ENABLE_BACKUPS)$/;

/** Where Node keeps what it made of modules: every worker thread and every command loads the same ones. */
const COMPILED = path.resolve('node_modules/.cache/holdfast-compiled');

/** Starts what all test files share, and stops it after the last. */
export default async function setup({ provide }: TestProject): Promise<() => Promise<void>> {
  for (const name of Object.keys(process.env)) if (FORGOTTEN.test(name)) delete process.env[name];
  process.env['NODE_COMPILE_CACHE'] ??= COMPILED;
  if (!hasPart('ceph-rgw')) {
    provide('rgwEndpoint', '');
    return async () => {};
  }
  const folder = path.join(tmpdir(), `holdfast-rgw-${process.pid}`);
  const port = 20_000 + (process.pid % 10_000);
  await run(SCRIPT, ['start', folder, String(port)]);
  provide('rgwEndpoint', `http://127.0.0.1:${port}`);
  return async () => {
    await run(SCRIPT, ['stop', folder]);
    await rm(folder, { recursive: true, force: true });
  };
}
