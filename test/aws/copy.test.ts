import path from 'node:path';
import { StateMachine } from 'aws-local-stepfunctions';
import { afterAll, beforeAll, expect } from 'vitest';
import { S3Store } from '../../shared/store/s3-store.ts';
import { type AwsDoubles, startAwsDoubles } from '../support/aws/aws-doubles.ts';
import { builtLambdas } from '../support/aws/bundles.ts';
import { newBucket, RGW_CREDENTIALS, rgwOptions } from '../support/aws/ceph-rgw.ts';
import { expectDocumented } from '../support/aws/event-schema.ts';
import { startLambda } from '../support/aws/runtime-api.ts';
import { describeInTurn } from '../support/parts.ts';
import { backUp, initRepository, openRepository, TEST_KEY } from '../support/repository/engine.ts';
import { seededRows } from '../support/repository/rows.ts';
import { turns } from '../support/repository/torture.ts';
import { copiesMachine } from '../support/stores/copies-machine.ts';
import { faultyProxy } from '../support/stores/faulty-proxy.ts';
import { differences, faultsOf, keysBelow } from '../support/stores/second-place.ts';

const describeWithParts = describeInTurn(3, 6);
const it = turns(2);

const dataOf = (day: number) => ({ t: seededRows(3000, 1).join('') + seededRows(50, day).join('') });

describeWithParts(['ceph-rgw', 'runtime-client'], 'the function that copies, from its bundle', () => {
  let aws: AwsDoubles;
  let first: S3Store;
  let second: S3Store;
  let env: Readonly<Record<string, string>>;

  beforeAll(async () => {
    await builtLambdas();
    aws = await startAwsDoubles();
    const [here, there] = [await newBucket(), await newBucket()];
    first = new S3Store(rgwOptions(here, 'shop'));
    second = new S3Store(rgwOptions(there, 'away'));
    await initRepository(first);
    await using repository = await openRepository(first);
    for (const day of [1, 2]) await backUp(repository, dataOf(day));
    const config = { copy: { away: { to: `s3://${there}/away`, types: ['daily'] } } };
    env = {
      AWS_ENDPOINT_URL_S3: rgwOptions(here).endpoint ?? '',
      AWS_REGION: 'us-east-1',
      AWS_ACCESS_KEY_ID: RGW_CREDENTIALS.accessKeyId,
      AWS_SECRET_ACCESS_KEY: RGW_CREDENTIALS.secretAccessKey,
      HOLDFAST_REPOSITORY: `s3://${here}/shop`,
      // Copying asks for no key: this one is none.
      HOLDFAST_KMS_KEY: 'arn:aws:kms:eu-west-1:111122223333:key/none',
      HOLDFAST_CONFIG: JSON.stringify(config),
      HOLDFAST_EVENT_BUS: 'backups',
      ...aws.env,
    };
  }, 240_000);
  afterAll(() => aws?.[Symbol.asyncDispose]());

  const start = async (name: string, timeoutMs?: number) => {
    const { HOLDFAST_KMS_KEY: _, ...others } = env;
    return startLambda(name, {
      folder: path.join(await builtLambdas(), name),
      // The watchdog proves what it believes.
      env: name === 'watchdog' ? { ...others, BACKUP_ENCRYPTION_KEY: TEST_KEY } : env,
      ...(timeoutMs === undefined ? {} : { timeoutMs }),
    });
  };

  it('brings one backup, then all, and the watchdog measures how far the place is behind', async () => {
    const keys = await keysBelow(first, 'backups/');
    await using copy = await start('copy');
    await using watchdog = await start('watchdog');
    expect(await copy.invoke({ backup: keys[1] })).toMatchObject({
      more: false,
      places: [{ place: 'away', copied: 1, present: 0, passedOver: 0 }],
    });
    expect(await keysBelow(second, 'backups/')).toEqual([keys[1]]);
    const [behind] = ((await watchdog.invoke({})) as { copies: { missing: number; lag: number }[] }).copies;
    expect(behind).toMatchObject({ place: 'away', missing: 1 });
    expect(await copy.invoke({})).toMatchObject({ places: [{ copied: 1, present: 1 }] });
    expect(await differences(first, second)).toEqual([]);
    expect(await watchdog.invoke({})).toMatchObject({ copies: [{ place: 'away', missing: 0, lag: 0 }] });
    expect(watchdog.log.join('\n')).toMatch(
      /"place":"away"[^\n]*"CopyLag":0|"CopyLag":0[^\n]*"place":"away"/,
    );
    expect(aws.kms).toEqual([]);
  });

  it('is called by its state machine until there is no more, and tells of what failed', async () => {
    await using copy = await start('copy');
    const answers: unknown[] = [{ places: [], more: true }];
    const calls: unknown[] = [];
    const events: { type: string; detail: unknown }[] = [];
    const run = (input: object, answer: (event: unknown) => Promise<unknown>) =>
      new StateMachine(copiesMachine(), { validationOptions: { noValidate: true } }).run(
        input as never,
        {
          overrides: {
            taskResourceLocalHandlers: {
              Copy: (event: unknown) => answer(event),
              NotifyCopyFailed: async (entries: never) => {
                const [entry] = (entries as { Entries: { DetailType: string; Detail: unknown }[] }).Entries;
                if (entry) events.push({ type: entry.DetailType, detail: entry.Detail });
                return {};
              },
            },
            waitTimeOverrides: {},
            retryIntervalOverrides: { Copy: 0, NotifyCopyFailed: 0 },
          },
          context: { Execution: { Id: 'arn:aws:states:eu-west-1:111122223333:execution:copies:x' } },
        } as never,
      ).result;
    // The first call comes to the end of its time; the second goes on with what it is given, as it is deployed.
    await run({}, async (event) => {
      calls.push(event);
      return answers.shift() ?? copy.invoke(event);
    });
    expect(calls).toEqual([{}, { done: { places: [], more: true } }]);
    const failed = run({}, () =>
      Promise.reject(Object.assign(new Error('no room'), { name: 'E_STORE_FULL' })),
    );
    await expect(failed).rejects.toThrow();
    expectDocumented(events);
    expect(events).toMatchObject([{ type: 'Copy Failed', detail: { error: { code: 'E_STORE_FULL' } } }]);
  });

  it('comes to the end of its time: asks to be called again only if something was brought', async () => {
    await using repository = await openRepository(first);
    const { key } = await backUp(repository, { t: seededRows(60_000, 9).join('') });
    /** Packs that the store gives before it falls silent. */
    let most = 0;
    let given = 0;
    await using proxy = await faultyProxy(env['AWS_ENDPOINT_URL_S3'] ?? '', ({ what }) =>
      /^GET \/[^?]*\/shop\/data\//.test(what) && ++given > most ? 'stall' : undefined,
    );
    await using copy = await startLambda('copy', {
      folder: path.join(await builtLambdas(), 'copy'),
      env: { ...env, AWS_ENDPOINT_URL_S3: proxy.endpoint },
      timeoutMs: 5000,
    });
    await expect(copy.invoke({})).rejects.toMatchObject({ name: 'E_OUT_OF_TIME' });
    [most, given] = [2, 0];
    expect(await copy.invoke({})).toEqual({ places: [], more: true });
    expect(await keysBelow(second, 'backups/')).not.toContain(key);
    expect(await faultsOf(second)).toEqual([]);
    most = Number.POSITIVE_INFINITY;
    const goOn = async () => (await copy.invoke({ done: { places: [], more: true } })) as { more: boolean };
    // On a slow machine one call may not be enough; each brings something.
    for (let calls = 0; calls < 20 && (await goOn()).more; calls++);
    expect(await differences(first, second)).toEqual([]);
  }, 60_000);

  it('tells of a backup that is damaged, and of a place that is another repository', async () => {
    const [key = ''] = await keysBelow(first, 'backups/');
    await first.delete(key);
    await first.put(key, Buffer.from('{}'));
    await second.delete(key);
    await using copy = await start('copy');
    const told = aws.events.length;
    expect(await copy.invoke({})).toMatchObject({ places: [{ passedOver: 1 }] });
    const events = aws.events.slice(told);
    expectDocumented(events);
    expect(events).toMatchObject([{ type: 'Copy Failed', detail: { place: 'away', backup: key } }]);
    await expect(copy.invoke({ place: 'nowhere' })).rejects.toMatchObject({ name: 'E_CONFIG' });
    await second.delete('repository.json');
    await second.put('repository.json', Buffer.from('{"format":"else"}'));
    await expect(copy.invoke({})).rejects.toMatchObject({ name: 'E_FOREIGN_REPOSITORY' });
  });
});
