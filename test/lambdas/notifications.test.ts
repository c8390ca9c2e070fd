import { GetSecretValueCommand, SecretsManagerClient } from '@aws-sdk/client-secrets-manager';
import { PublishCommand, SNSClient } from '@aws-sdk/client-sns';
import { mockClient } from 'aws-sdk-client-mock';
import { afterEach, beforeEach, describe, expect, it, vi } from 'vitest';
import { FolderStore } from '../../shared/store/folder-store.ts';
import { isSigned, type Receiver, startReceiver } from '../support/receiver.ts';
import { backUp, initRepository, openRepository, TEST_KEY } from '../support/repository/engine.ts';
import { newFolder } from '../support/temporary.ts';

const ARN = 'arn:aws:secretsmanager:eu-west-1:111122223333:secret:';
const TOPIC = 'arn:aws:sns:eu-west-1:111122223333:ops';
const SIGNING_KEY = 'a-key-that-is-in-no-log';

describe('the watchdog on AWS', () => {
  const sns = mockClient(SNSClient);
  const secrets = mockClient(SecretsManagerClient);
  let receiver: Receiver;
  let place: string;
  let logged: string[];

  beforeEach(async () => {
    sns.reset();
    secrets.reset();
    receiver = await startReceiver();
    place = await newFolder();
    secrets
      .on(GetSecretValueCommand, { SecretId: `${ARN}url` })
      .resolves({ SecretString: `${receiver.url}/hook/secretpart` });
    secrets.on(GetSecretValueCommand, { SecretId: `${ARN}key` }).resolves({ SecretString: SIGNING_KEY });
    logged = [];
    for (const stream of [process.stdout, process.stderr])
      vi.spyOn(stream, 'write').mockImplementation((text) => logged.push(String(text)) > 0);
    vi.stubEnv('HOLDFAST_REPOSITORY', place);
    vi.stubEnv('BACKUP_ENCRYPTION_KEY', TEST_KEY);
    vi.stubEnv(
      'HOLDFAST_CONFIG',
      JSON.stringify({ sources: { memory: { kind: 'files', url: './memory' } } }),
    );
    const channels = [
      { name: 'hook', kind: 'webhook', url: `${ARN}url`, signingKey: `${ARN}key` },
      { name: 'mail', kind: 'email', topic: TOPIC },
    ];
    vi.stubEnv('HOLDFAST_NOTIFICATIONS', JSON.stringify({ digest: 'off', channels }));
  });
  afterEach(() => {
    vi.unstubAllEnvs();
    vi.restoreAllMocks();
  });

  /** A call of the deployed handler, in a process that remembers nothing. */
  async function watch(event: object = {}) {
    vi.resetModules();
    const { handler } = await import('../../lambdas/watchdog/handler.ts');
    const context = {
      getRemainingTimeInMillis: () => 60_000,
      memoryLimitInMB: '512',
      functionName: 'watchdog',
      awsRequestId: 'ab'.repeat(16),
    };
    return (await handler(event, context)) as Record<string, unknown>;
  }

  /** @returns what went out since the last call */
  const sent = () => {
    const mails = sns.commandCalls(PublishCommand).map(({ args: [{ input }] }) => `mail ${input.Subject}`);
    const hooks = receiver.received.map(({ body }) => `hook ${JSON.parse(body).title}`);
    sns.resetHistory();
    receiver.received.length = 0;
    return [...hooks, ...mails];
  };

  it('tells channels of a source without a backup once, and of its first backup', async () => {
    const store = new FolderStore(place);
    await initRepository(store);
    expect(await watch()).toMatchObject({
      told: [
        { channel: 'hook', kind: 'alarm', outcome: 'delivered' },
        { channel: 'mail', kind: 'alarm', outcome: 'delivered' },
      ],
    });
    expect(receiver.received.every((one) => isSigned(one, SIGNING_KEY, new Date()))).toBe(true);
    expect(sent()).toEqual(['hook Unprotected: memory', 'mail Holdfast: Unprotected: memory']);
    expect(await watch()).toMatchObject({ told: [] });
    expect(sent()).toEqual([]);
    await using repository = await openRepository(store, { workers: 1 });
    await backUp(repository, { t: 'a\n' });
    expect(await watch()).toMatchObject({ told: [{ kind: 'recovered' }, { kind: 'recovered' }] });
    expect(sent()).toEqual(['hook Recovered: memory', 'mail Holdfast: Recovered: memory']);
    expect(logged.join('\n')).not.toMatch(/secretpart|a-key-that/);
  });

  it('measures although nobody can be told, logs why without a secret, and tells at its next call', async () => {
    await initRepository(new FolderStore(place));
    receiver.answers = [{ status: 404, body: `no ${receiver.url}/hook/secretpart ${SIGNING_KEY}` }];
    sns
      .on(PublishCommand)
      .rejectsOnce(Object.assign(new Error('no'), { name: 'AuthorizationErrorException' }));
    expect(await watch()).toMatchObject({
      sources: [{ source: 'memory' }],
      told: [{ outcome: 'failed' }, { outcome: 'failed' }],
    });
    const lines = logged.join('\n');
    expect(lines).toContain('the channel hook could not be reached: the receiver answered 404: no … …');
    expect(lines).toContain(
      'the channel mail could not be reached: AWS did not accept it (AuthorizationErrorException)',
    );
    expect(lines).not.toMatch(/secretpart|a-key-that/);
    sns.on(PublishCommand).resolves({});
    expect(await watch()).toMatchObject({ told: [{ outcome: 'delivered' }, { outcome: 'delivered' }] });
  });

  it('sends a test that the admin API asks for, and refuses a channel that is not there', async () => {
    await initRepository(new FolderStore(place));
    expect(await watch({ test: 'hook' })).toMatchObject({
      channel: 'hook',
      outcome: 'delivered',
      status: 200,
      answer: 'ok',
    });
    expect(sent()).toEqual(['hook Test of the channel hook']);
    await expect(watch({ test: 'nobody' })).rejects.toMatchObject({ name: 'E_UNKNOWN_NAME' });
  });

  it('tells of a first backup that never came, though there is nowhere to keep that it was said', async () => {
    expect(await watch()).toMatchObject({ missed: ['memory'], told: [{ kind: 'alarm' }, { kind: 'alarm' }] });
  });
});
