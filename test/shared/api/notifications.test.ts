import { rm, writeFile } from 'node:fs/promises';
import path from 'node:path';
import { describe, expect, onTestFinished } from 'vitest';
import { adminFetch, startBackups } from '../../../shared/api/express.ts';
import { API_BASE, type Role } from '../../../shared/core/api-names.ts';
import { runCommand } from '../../support/command-line.ts';
import { judge } from '../../support/openapi-judge.ts';
import { isSigned, startReceiver } from '../../support/receiver.ts';
import { TEST_KEY } from '../../support/repository/engine.ts';
import { turns } from '../../support/repository/torture.ts';
import { newFolder } from '../../support/temporary.ts';

const it = turns(3);

/** Polls end as soon as they can. */
const SOON = { timeout: 20_000 };
const SIGNING_KEY = 'a-key-that-is-in-no-answer';

/** An application that backs up in its process, with a channel that leads to a receiver. */
async function newApplication({ isMade = true, schedule = true } = {}) {
  const folder = await newFolder();
  const receiver = await startReceiver();
  const env = {
    BACKUP_ENCRYPTION_KEY: TEST_KEY,
    OPS_URL: `${receiver.url}/hook/secretpart`,
    OPS_KEY: SIGNING_KEY,
  };
  await writeFile(path.join(folder, 'shop.txt'), 'a\nb\n');
  if (isMade) await runCommand('init -r ./backups -q', { env, cwd: folder });
  const errors: unknown[] = [];
  const backups = await startBackups({
    config: {
      repository: './backups',
      sources: { shop: { kind: 'files', url: './shop.txt' } },
      notifications: {
        digest: 'off',
        channels: [{ name: 'ops', kind: 'webhook', url: 'env:OPS_URL', signingKey: 'env:OPS_KEY' }],
      },
    },
    env,
    folder,
    schedule,
    onError: (error) => errors.push(error),
  });
  onTestFinished(() => backups[Symbol.asyncDispose]());
  const answers: string[] = [];
  const ask = async (role: Role, target: string, body?: object) => {
    const method = body === undefined ? 'GET' : 'POST';
    const answer = await adminFetch(backups, { caller: () => ({ id: role, name: role, roles: [role] }) })(
      new Request(`http://application${API_BASE}${target}`, {
        method,
        ...(body ? { body: JSON.stringify(body), headers: { 'content-type': 'application/json' } } : {}),
      }),
    );
    await judge(method, target, answer);
    const text = await answer.text();
    answers.push(text);
    return { status: answer.status, json: JSON.parse(text) };
  };
  const titles = () => receiver.received.map(({ body }) => JSON.parse(body).title as string);
  return { folder, receiver, backups, ask, titles, errors, answers };
}

describe('an application', () => {
  it('alarms when what it runs fails, once, and says when it is mended', async () => {
    const { folder, ask, titles, receiver } = await newApplication();
    await expect.poll(titles, SOON).toEqual(['Unprotected: shop']);
    await ask('operator', '/create', { source: 'shop' });
    await expect.poll(titles, SOON).toEqual(['Unprotected: shop', 'Recovered: shop']);
    await rm(path.join(folder, 'shop.txt'));
    const failRun = async () => {
      const { run } = (await ask('operator', '/create', { source: 'shop' })).json;
      await expect.poll(async () => (await ask('viewer', `/runs/${run}`)).json.state, SOON).toBe('failed');
    };
    // Which of two runs of one second was the last nobody knows: one that fails is begun until it is.
    const failAgain = async () => {
      if (titles().length < 3) await failRun();
      return titles();
    };
    const told = ['Unprotected: shop', 'Recovered: shop', 'At risk: shop'];
    await expect.poll(failAgain, SOON).toEqual(told);
    await failRun();
    expect((await ask('viewer', '/status')).json.verdict.level).toBe('at-risk');
    expect(titles()).toEqual(told);
    expect(receiver.received.every((one) => isSigned(one, SIGNING_KEY, new Date()))).toBe(true);
  });

  it('says once that its repository cannot be opened', async () => {
    const { ask, titles, errors } = await newApplication({ isMade: false });
    for (let i = 0; i < 3; i++) expect((await ask('viewer', '/status')).status).toBe(503);
    await expect.poll(titles, SOON).toEqual(['Unknown: the repository']);
    expect(errors).toMatchObject([{ code: 'E_NO_REPOSITORY' }]);
  });

  it('is told by its own code that somebody could not be told, and fails nothing for it', async () => {
    const { ask, receiver, errors } = await newApplication({ schedule: false });
    receiver.answers = [{ status: 403, body: 'invalid_token' }];
    const { run } = (await ask('operator', '/create', { source: 'shop' })).json;
    await expect.poll(async () => (await ask('viewer', `/runs/${run}`)).json.state, SOON).toBe('succeeded');
    // nothing was known of it before, and nothing is found
    expect(receiver.received).toEqual([]);
    await ask('operator', '/notifications/test', { channel: 'ops' });
    expect(errors).toMatchObject([
      {
        code: 'E_NOTIFY',
        message: 'the channel ops could not be reached: the receiver answered 403: invalid_token',
      },
    ]);
    const steps = async () =>
      (await ask('viewer', '/status')).json.verdict.steps.map(({ text }: { text: string }) => text).join();
    expect(await steps()).toContain(
      'The channel ops could not be reached just now: the receiver answered 403',
    );
    expect((await ask('viewer', '/status')).json.verdict.level).toBe('protected');
    expect((await ask('operator', '/notifications/test', { channel: 'ops' })).json).toMatchObject({
      outcome: 'delivered',
      status: 200,
      answer: 'ok',
    });
    expect(await steps()).not.toContain('could not be reached');
  });
});

describe('the routes', () => {
  it('show channels to viewers, let operators test them, and say no secret', async () => {
    const { ask, receiver, answers } = await newApplication({ schedule: false });
    receiver.answers = [{ status: 404, body: `no ${receiver.url}/hook/secretpart` }];
    expect((await ask('viewer', '/notifications/test', { channel: 'ops' })).status).toBe(403);
    expect((await ask('restorer', '/notifications/test', { channel: 'ops' })).status).toBe(403);
    expect(receiver.received).toEqual([]);
    expect(await ask('operator', '/notifications/test', { channel: 'ops' })).toMatchObject({
      status: 200,
      json: { outcome: 'failed', attempts: 1, status: 404, problem: 'the receiver answered 404: no …' },
    });
    await ask('operator', '/notifications/test', { channel: 'ops' });
    const { json } = await ask('viewer', '/notifications');
    expect(json.channels).toMatchObject([
      {
        name: 'ops',
        kind: 'webhook',
        destination: 'env:OPS_URL',
        lastDelivered: { kind: 'test', outcome: 'delivered' },
        lastFailed: { kind: 'test', problem: 'the receiver answered 404: no …' },
        deliveries: [{ outcome: 'delivered' }, { outcome: 'failed' }],
      },
    ]);
    expect(await ask('operator', '/notifications/test', { channel: 'nobody' })).toMatchObject({
      status: 404,
      json: { code: 'E_UNKNOWN_NAME', hint: 'The channels are ops.' },
    });
    expect((await ask('operator', '/notifications/test', { channel: 'no name' })).status).toBe(400);
    expect(answers.join()).not.toMatch(/secretpart|a-key-that/);
  });
});
