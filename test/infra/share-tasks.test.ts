import { StateMachine } from 'aws-local-stepfunctions';
import { describe, expect, it } from 'vitest';
import { explained } from '../../lambdas/runtime/explained.ts';
import { deploymentOf, FULL_CONFIG } from '../support/aws/deployment.ts';
import { expectDocumented } from '../support/aws/event-schema.ts';
import { stateMachineOf } from '../support/aws/synthesised.ts';

const machine = stateMachineOf(deploymentOf(FULL_CONFIG).pipeline);
const RUN = 'ab'.repeat(16);
const ABOUT = { run: RUN, source: 'shop', type: 'daily' };
const PLANNED = {
  ...ABOUT,
  noParent: false,
  mode: 'shares',
  shares: [{ ...ABOUT, share: 0, runtime: 'fargate' }],
};

interface Failure {
  readonly Error: string;
  readonly Cause?: string;
}
interface Told {
  readonly DetailType: string;
  readonly Detail: { readonly error?: unknown };
}
interface Started {
  readonly LaunchType: string;
  readonly Overrides: {
    readonly ContainerOverrides: readonly {
      readonly Command: readonly string[];
      readonly Environment: readonly { readonly Name: string; readonly Value: string }[];
    }[];
  };
}

/** A backup of one share, whose task fails as said, one after the other, and then goes well. */
async function backup(failures: readonly Failure[]) {
  const left = [...failures];
  const started: Started[] = [];
  const told: Told[] = [];
  let noted: Failure | undefined;
  const handlers: Readonly<Record<string, (event: never) => unknown>> = {
    Plan: () => PLANNED,
    BackupPartitionTask: (event: Started) => {
      started.push(event);
      const failure = left.shift();
      if (!failure) return { share: 0, records: 1 };
      throw Object.assign(new Error(failure.Cause ?? ''), { name: failure.Error });
    },
    NoteShareFailure: ({ failure }: { failure: Failure }) => {
      noted ??= explained(failure);
      return {};
    },
    Abort: () => ({ failure: noted }),
    Commit: () => ({ key: 'x' }),
  };
  const notify = ({ Entries }: { Entries: readonly Told[] }) => {
    told.push(...Entries);
    return { FailedEntryCount: 0 };
  };
  const names = [...Object.keys(machine.States), 'BackupPartitionTask', 'NoteShareFailure'];
  const execution = new StateMachine(machine, { validationOptions: { noValidate: true } }).run(
    { source: 'shop', type: 'daily' },
    {
      overrides: {
        taskResourceLocalHandlers: Object.fromEntries(
          names.map((name) => [name, async (event: never) => (handlers[name] ?? notify)(event)]),
        ) as never,
        retryIntervalOverrides: Object.fromEntries(names.map((name) => [name, 0])),
      },
      context: {
        Execution: { Id: 'arn:aws:states:eu-west-1:111122223333:execution:b:x' },
        Task: { Token: 'the token' },
      } as never,
    },
  );
  await execution.result.catch(() => undefined);
  const failed = told.filter(({ DetailType }) => DetailType === 'Backup Failed');
  expectDocumented(failed.map(({ DetailType: type, Detail: detail }) => ({ type, detail })));
  return { started, tries: started.length, errors: failed.map(({ Detail }) => Detail.error) };
}

describe('a share that runs as a task', () => {
  it('is told what its function is told, and whom to answer', async () => {
    const { started, errors } = await backup([]);
    expect(errors).toEqual([]);
    const [container] = started[0]?.Overrides.ContainerOverrides ?? [];
    const given = Object.fromEntries(container?.Environment.map(({ Name, Value }) => [Name, Value]) ?? []);
    expect(started).toHaveLength(1);
    expect(container?.Command).toEqual(['backup-partition']);
    expect(JSON.parse(given['HOLDFAST_EVENT'] ?? '')).toEqual({ ...ABOUT, share: 0 });
    expect(given['HOLDFAST_TASK_TOKEN']).toBe('the token');
  });

  it('is tried once if its error is final, which is told by its code and words', async () => {
    const denied = { Error: 'E_SOURCE_DENIED', Cause: 'the login may not read orders' };
    const { tries, errors } = await backup([denied]);
    expect(tries).toBe(1);
    expect(errors).toEqual([{ code: 'E_SOURCE_DENIED', message: 'the login may not read orders' }]);
  });

  it.each([
    ['the store was away', { Error: 'E_STORE_UNAVAILABLE', Cause: 'away' }],
    ['Fargate stopped it', { Error: 'E_ABORTED', Cause: 'the task was told to stop' }],
    ['it died, or was not begun', { Error: 'States.HeartbeatTimeout' }],
    ['Fargate had no room', { Error: 'AmazonECS.Unknown', Cause: 'Capacity is unavailable at this time' }],
  ])('is tried again if %s', async (_, failure) => {
    expect(await backup([failure, failure])).toMatchObject({ tries: 3, errors: [] });
  });

  it.each(['States.HeartbeatTimeout', 'States.Timeout'])(
    'that dies three times without a word fails the backup, in words: %s',
    async (code) => {
      const died = { Error: code };
      const { tries, errors } = await backup([died, died, died]);
      expect(tries).toBe(3);
      const message = expect.stringMatching(
        /^its task could not start, or died without a message; the tasks’ log/,
      );
      expect(errors).toEqual([{ code, message }]);
    },
  );

  it('is given up in minutes if it is silent, and not before it has come to its own end if it lives', () => {
    const { ItemProcessor } = machine.States['Partitions'] as unknown as {
      ItemProcessor: { States: Readonly<Record<string, object>> };
    };
    expect(ItemProcessor.States['BackupPartitionTask']).toMatchObject({
      Resource: expect.stringMatching(/:states:::ecs:runTask\.waitForTaskToken$/),
      HeartbeatSeconds: 600,
      TimeoutSeconds: expect.toSatisfy((seconds: number) => seconds > 720 * 60 + 600),
    });
  });
});
