import { spawn } from 'node:child_process';
import { once } from 'node:events';
import { rm, writeFile } from 'node:fs/promises';
import path from 'node:path';
import { describe, expect } from 'vitest';
import { runCommand } from '../support/command-line.ts';
import { isSigned, startReceiver } from '../support/receiver.ts';
import { TEST_KEY } from '../support/repository/engine.ts';
import { turns } from '../support/repository/torture.ts';
import { newFolder } from '../support/temporary.ts';

const it = turns(3);

const SIGNING_KEY = 'a-key-that-is-in-no-output';

async function newWorld({ digest = 'off', channels = ['ops'] } = {}) {
  const cwd = await newFolder();
  const receiver = await startReceiver();
  const url = `${receiver.url}/hook/secretpart`;
  const env = { HOLDFAST_KEY: TEST_KEY, OPS_URL: url, OPS_KEY: SIGNING_KEY, PATH: process.env['PATH'] ?? '' };
  const config = {
    repository: './backups',
    sources: { shop: { kind: 'files', url: './shop.txt' } },
    notifications: {
      digest,
      channels: channels.map((name) => ({
        name,
        kind: 'webhook',
        url: 'env:OPS_URL',
        signingKey: 'env:OPS_KEY',
      })),
    },
  };
  await writeFile(path.join(cwd, 'holdfast.config.json'), JSON.stringify(config));
  const outputs: string[] = [];
  const run = async (line: string, more: Record<string, string> = {}) => {
    const result = await runCommand(line, { cwd, env: { ...env, ...more } });
    outputs.push(result.stdout, result.stderr);
    return result;
  };
  const write = (text: string) => writeFile(path.join(cwd, 'shop.txt'), text);
  await run('init');
  await write('a\nb\n');
  const titles = () => receiver.received.map(({ body }) => JSON.parse(body).title);
  return { cwd, env, receiver, run, write, titles, outputs };
}

describe('backups of cron', () => {
  it('alarm once when one fails, and say when it is mended', async () => {
    const { cwd, run, write, receiver, titles, outputs } = await newWorld();
    expect(await run('backup daily --quiet')).toMatchObject({ status: 0, stdout: '', stderr: '' });
    expect(titles()).toEqual([]);
    await rm(path.join(cwd, 'shop.txt'));
    // Nobody knows which of two runs of one second was the last: each is run until it is another second.
    const failed = async () => (await run('backup daily --quiet')).status !== 0 && titles();
    await expect.poll(failed, { timeout: 20_000 }).toEqual(['At risk: shop']);
    expect(await failed()).toEqual(['At risk: shop']);
    await write('a\nb\nc\n');
    const mended = async () => (await run('backup daily --quiet')).status === 0 && titles();
    await expect.poll(mended, { timeout: 20_000 }).toEqual(['At risk: shop', 'Recovered: shop']);
    expect(receiver.received.every((one) => isSigned(one, SIGNING_KEY, new Date()))).toBe(true);
    expect(outputs.join()).not.toMatch(/secretpart|a-key-that/);
  });

  it('do not fail because nobody could be told, and status says so until it is mended', async () => {
    const { run, receiver, outputs } = await newWorld({ digest: 'daily' });
    receiver.answers = Array.from({ length: 2 }, () => ({ status: 404, body: 'no_service' }));
    const backup = await run('backup daily');
    expect(backup.status).toBe(0);
    expect(backup.stderr).toContain(
      'warning: the channel ops could not be reached: the receiver answered 404: no_service',
    );
    const status = await run('status');
    expect(status.status).toBe(0);
    expect(status.stdout).toMatch(
      /The channel ops could not be reached just now: the receiver answered 404: no_service\. Fix it/,
    );
    expect((await run('notifications test ops')).stdout).toContain('FAILED');
    expect(await run('notifications test ops')).toMatchObject({ status: 0 });
    expect((await run('status')).stdout).not.toContain('could not be reached');
    expect(outputs.join()).not.toMatch(/secretpart|a-key-that/);
  });

  it('say that the repository cannot be opened, though nothing can be kept of it', async () => {
    const { run, titles } = await newWorld();
    for (let night = 0; night < 2; night++)
      expect((await run('backup daily', { HOLDFAST_REPOSITORY: './nothing-here' })).status).toBe(10);
    expect(titles()).toEqual(['Unknown: the repository', 'Unknown: the repository']);
  });

  it('are digested', async () => {
    const { run, receiver, titles } = await newWorld({ digest: 'daily' });
    await run('backup daily');
    expect(titles()).toEqual(['Daily digest: protected']);
    expect(JSON.parse(receiver.received[0]!.body)).toMatchObject({
      kind: 'digest',
      level: 'protected',
      sources: [{ name: 'shop', level: 'protected', backups: 1, newestGood: { plainBytes: 4 } }],
    });
  });
});

describe('holdfast notifications', () => {
  it('lists channels with what they were told last, and says where they lead without a secret', async () => {
    const { run, receiver, outputs } = await newWorld({ channels: ['ops', 'others'] });
    receiver.answers = [
      { status: 200, body: 'thanks' },
      { status: 403, body: `no: ${receiver.url}/hook/secretpart` },
    ];
    expect((await run('notifications test ops')).stdout).toBe(
      'ops: delivered (200: thanks): Test of the channel ops\n',
    );
    const failed = await run('notifications test others');
    expect(failed).toMatchObject({
      status: 75,
      stdout: 'others: FAILED: the receiver answered 403: no: …\n',
    });
    const { stdout } = await run('notifications');
    expect(stdout).toMatch(/^CHANNEL +KIND +ON +DIGEST +LAST DELIVERED +LAST FAILED +LEADS TO\n/);
    expect(stdout).toMatch(/ops +webhook +change +off +just now: Test of the channel ops +- +env:OPS_URL\n/);
    expect(stdout).toMatch(/others +webhook +change +off +- +just now +env:OPS_URL\n/);
    expect(stdout).toContain(
      'Could not be reached the last time:\nothers: the receiver answered 403: no: …\n',
    );
    const { channels } = (await run('notifications list --json')).json();
    expect(channels).toMatchObject([
      { name: 'ops', destination: 'env:OPS_URL', lastDelivered: { kind: 'test' }, lastFailed: null },
      { name: 'others', lastDelivered: null, lastFailed: { problem: 'the receiver answered 403: no: …' } },
    ]);
    expect(outputs.join()).not.toMatch(/secretpart|a-key-that/);
  });

  it('tests all where none is named, and refuses one that is not there', async () => {
    const { run, receiver } = await newWorld({ channels: ['ops', 'others'] });
    expect((await run('notifications test')).status).toBe(0);
    expect(receiver.received).toHaveLength(2);
    const unknown = await run('notifications test opps');
    expect(unknown).toMatchObject({ status: 10 });
    expect(unknown.stderr).toContain('The channels are ops, others.');
    expect((await run('notifications send')).status).toBe(2);
    expect((await run('notifications list ops')).status).toBe(2);
  });

  it('says which variable is missing', async () => {
    const { run } = await newWorld();
    expect(await run('notifications test', { OPS_URL: '' })).toMatchObject({
      status: 75,
      stdout: 'ops: FAILED: the environment variable OPS_URL is not set\n',
    });
  });

  it('notices by its check a backup that never began, once by processes that look at once', async () => {
    const { cwd, env, titles } = await newWorld();
    const program = path.resolve('bin/holdfast.js');
    const processes = Array.from({ length: 3 }, () =>
      spawn(process.execPath, [program, 'notifications', 'check', '--json'], { cwd, env, stdio: 'ignore' }),
    );
    const ends = await Promise.all(processes.map((one) => once(one, 'exit')));
    expect(ends.map(([status]) => status)).toEqual([0, 0, 0]);
    expect(titles()).toEqual(['Unprotected: shop']);
  });
});

describe('a configuration', () => {
  const problemsOf = async (notifications: object) => {
    const cwd = await newFolder();
    const config = {
      repository: './backups',
      sources: { shop: { kind: 'files', url: './a' } },
      notifications,
    };
    await writeFile(path.join(cwd, 'holdfast.config.json'), JSON.stringify(config));
    const { status, stderr } = await runCommand('notifications', { cwd, env: {} });
    expect(status).toBe(2);
    return stderr;
  };
  const hook = { name: 'ops', kind: 'webhook', url: 'env:URL', signingKey: 'env:KEY' };

  it.each([
    [
      { channels: [{ ...hook, url: 'https://hooks.example/secret' }] },
      /url: say where the secret is: 'env:NAME'/,
    ],
    [{ channels: [{ ...hook, signingKey: 'plainsecret' }] }, /signingKey: say where the secret is/],
    [{ channels: [{ name: 'ops', kind: 'webhook', url: 'env:URL' }] }, /signingKey/],
    [{ channels: [{ ...hook, colour: 'red' }] }, /colour is not a setting/],
    [{ channels: [hook], digets: 'daily' }, /digets is not a setting; did you mean digest\?/],
    [{ channels: [hook, hook] }, /'ops' appears twice/],
    [{ channels: [{ ...hook, sources: ['shopp'] }] }, /sources has 'shopp', which is not a source/],
    [{ channels: [{ ...hook, name: 'O p s' }] }, /a channel's name has/],
    [{ channels: [{ name: 'a', kind: 'pager' }] }, /kind/],
    [{ channels: [{ name: 'a', kind: 'email', topic: 'me@example.com' }] }, /ARN of an SNS topic/],
    [{ channels: [{ name: 'a', kind: 'eventbridge', bus: 'default' }] }, /ARN of an event bus/],
    [{ channels: [hook], remindAfter: 'soon' }, /remindAfter: give an age/],
    [{ channels: [] }, /channels/],
  ])('is refused: %j', async (notifications, problem) => {
    const stderr = await problemsOf(notifications);
    expect(stderr).toMatch(problem);
    expect(stderr).not.toMatch(/hooks\.example|plainsecret/);
  });
});
