import { mkdtemp, rm, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import path from 'node:path';
import { afterAll, beforeAll, describe, expect, it, onTestFinished, vi } from 'vitest';
import { handler as plan } from '../../lambdas/plan/handler.ts';
import { logger } from '../../lambdas/runtime/telemetry.ts';
import { handler as verify } from '../../lambdas/verify/handler.ts';
import { runCommand } from '../support/command-line.ts';
import { TEST_KEY } from '../support/repository/engine.ts';

const CONTEXT = {
  getRemainingTimeInMillis: () => 60_000,
  memoryLimitInMB: '1024',
  functionName: 'test',
  awsRequestId: '00000000-0000-0000-0000-000000000000',
};

let cwd: string;
let backup: string;
let env: Record<string, string>;

beforeAll(async () => {
  logger.setLogLevel('SILENT');
  cwd = await mkdtemp(path.join(tmpdir(), 'holdfast-test-'));
  env = { HOLDFAST_REPOSITORY: path.join(cwd, 'repository'), BACKUP_ENCRYPTION_KEY: TEST_KEY };
  await writeFile(path.join(cwd, 'shop.txt'), 'one\ntwo\n');
  for (const line of ['init', 'backup daily --source ./shop.txt'])
    expect(await runCommand(line, { env, cwd })).toMatchObject({ status: 0 });
  backup = (await runCommand('list --json', { env, cwd })).json().backups[0].key;
});

afterAll(() => rm(cwd, { recursive: true, force: true }));

/** Calls it as a deployment would, where retention has days for `hourly`. */
function invoke(handler: typeof plan | typeof verify, event: object): Promise<unknown> {
  const url = path.join(cwd, 'shop.txt');
  const config = { sources: { shop: { kind: 'files', url } }, retention: { hourly: 2 } };
  const variables = { ...env, HOLDFAST_CONFIG: JSON.stringify(config) };
  for (const [name, value] of Object.entries(variables)) vi.stubEnv(name, value);
  onTestFinished(() => void vi.unstubAllEnvs());
  return handler(event, CONTEXT);
}

describe('the depth that the verify function is given', () => {
  it.each(['5/3', '0/3', '3', '1/0', '1/10000', 'new:5/3', 'fully', ''])(
    'is refused if it is %j',
    async (depth) => {
      await expect(invoke(verify, { backup, depth })).rejects.toMatchObject({
        name: 'E_USAGE',
        message: expect.stringContaining(
          'give quick, full, N/T, new or new:N/T, with T from 1 to 9999 and N from 1 to T',
        ),
      });
    },
  );

  it.each(['quick', 'full', '3/3', '9999/9999', 'new', undefined])('is taken if it is %j', async (depth) => {
    expect(await invoke(verify, { backup, depth })).toMatchObject({ verified: 1, damaged: [], findings: 0 });
  });
});

describe('the type that the plan function is given', () => {
  const about = { source: 'shop', execution: 'arn:aws:states:::execution:1' };

  it('is refused if nothing says how long to keep its backups', async () => {
    await expect(invoke(plan, { ...about, type: 'dialy' })).rejects.toMatchObject({
      name: 'E_USAGE',
      message: expect.stringMatching(/'dialy' is not a backup type.*hourly.*Did you mean daily\?/s),
    });
  });

  it.each(['daily', 'hourly'])('is taken if it is %s', async (type) => {
    const execution = `${about.execution}-${type}`;
    expect(await invoke(plan, { ...about, type, execution })).toMatchObject({ type, mode: 'shares' });
  });
});
