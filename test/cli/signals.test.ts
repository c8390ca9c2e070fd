import { spawn } from 'node:child_process';
import { once } from 'node:events';
import type { AddressInfo } from 'node:net';
import { createServer, type Server } from 'node:net';
import path from 'node:path';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { TEST_KEY } from '../support/repository/engine.ts';
import { sample } from '../support/repository/torture.ts';
import { newFolder } from '../support/temporary.ts';

const PROGRAM = path.resolve('bin/holdfast.js');

/** A database and a store that accept connections, and never answer. */
let silent: Server;
beforeAll(async () => {
  silent = createServer();
  silent.listen(0, '127.0.0.1');
  await once(silent, 'listening');
});
afterAll(() => {
  silent.close();
});

const port = () => (silent.address() as AddressInfo).port;

/** Runs a command until it waits for an answer that does not come, then sends it signals. */
async function signalled(line: string, signals: readonly NodeJS.Signals[]) {
  const folder = await newFolder();
  const child = spawn(process.execPath, [PROGRAM, ...line.split(' ')], {
    cwd: folder,
    env: {
      PATH: process.env['PATH'],
      HOME: folder,
      BACKUP_ENCRYPTION_KEY: TEST_KEY,
      AWS_ENDPOINT_URL_S3: `http://127.0.0.1:${port()}`,
      AWS_ACCESS_KEY_ID: 'test',
      AWS_SECRET_ACCESS_KEY: 'test',
      AWS_REGION: 'us-east-1',
    },
  });
  let stderr = '';
  child.stderr.setEncoding('utf8').on('data', (text: string) => {
    stderr += text;
  });
  const ended = once(child, 'exit') as Promise<[number | null, NodeJS.Signals | null]>;
  const [socket] = await once(silent, 'connection');
  for (const signal of signals) child.kill(signal);
  const [status, by] = await ended;
  socket.destroy();
  return { status, by, stderr };
}

describe('a command that waits for an answer', () => {
  it.each(
    sample(
      [
        ['list', 'list -r s3://bucket/prefix'],
        ['init', 'init -r s3://bucket/prefix'],
        ['status', 'status -r s3://bucket/prefix'],
        ['verify', 'verify --all -r s3://bucket/prefix'],
        ['prune', 'prune --dry-run -r s3://bucket/prefix'],
        ['backup', 'backup daily --source files:. -r s3://bucket/prefix'],
        ['restore', 'restore latest --to ./out -r s3://bucket/prefix'],
      ] as const,
      2,
    ),
  )('ends in order with 130 by SIGTERM, as by Ctrl-C: %s', async (_, line) => {
    for (const signal of sample(['SIGTERM', 'SIGINT'] as const, 1)) {
      const { status, by, stderr } = await signalled(line, [signal]);
      expect({ status, by }, stderr).toEqual({ status: 130, by: null });
      expect(stderr).toContain('code: E_ABORTED');
    }
  });

  it('is ended at once by SIGHUP, which nothing handles', async () => {
    const { status, by } = await signalled('list -r s3://bucket/prefix', ['SIGHUP']);
    expect({ status, by }).toEqual({ status: null, by: 'SIGHUP' });
  });
});
