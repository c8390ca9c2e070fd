import { randomBytes } from 'node:crypto';
import {
  CreateScheduleCommand,
  CreateScheduleGroupCommand,
  DeleteScheduleGroupCommand,
  GetScheduleCommand,
  SchedulerClient,
} from '@aws-sdk/client-scheduler';
import { mockClient } from 'aws-sdk-client-mock';
import { afterEach, describe, expect, it } from 'vitest';
import { scheduledSince, schedulesOff } from '../../lambdas/watchdog/schedules.ts';
import { never } from '../support/repository/engine.ts';

const gone = Object.assign(new Error('no such schedule'), { name: 'ResourceNotFoundException' });

describe('the schedules that the watchdog looks at', () => {
  const scheduler = mockClient(SchedulerClient);
  afterEach(() => scheduler.reset());

  it('are asked for by group and name, each once', async () => {
    scheduler.on(GetScheduleCommand).resolves({ State: 'ENABLED' });
    expect(await schedulesOff('shop', ['backup-daily-shop', 'prune'], never)).toEqual([]);
    const asked = scheduler.calls().map(({ args }) => args[0].input);
    expect(asked).toEqual([
      { GroupName: 'shop', Name: 'backup-daily-shop' },
      { GroupName: 'shop', Name: 'prune' },
    ]);
  });

  it('are off where they are disabled, and where they are gone', async () => {
    scheduler.on(GetScheduleCommand).resolves({ State: 'ENABLED' });
    scheduler.on(GetScheduleCommand, { GroupName: 'shop', Name: 'verify' }).resolves({ State: 'DISABLED' });
    scheduler.on(GetScheduleCommand, { GroupName: 'shop', Name: 'prune' }).rejects(gone);
    expect(await schedulesOff('shop', ['verify', 'backup-daily-shop', 'prune'], never)).toEqual([
      { schedule: 'prune', state: 'missing' },
      { schedule: 'verify', state: 'disabled' },
    ]);
  });

  it('say since when a source waits for its first backup: by the oldest that is there', async () => {
    const [older, newer] = [new Date('2026-11-01T00:00:00Z'), new Date('2026-11-20T00:00:00Z')];
    scheduler.on(GetScheduleCommand).resolves({ State: 'ENABLED', CreationDate: newer });
    scheduler.on(GetScheduleCommand, { GroupName: 'shop', Name: 'b' }).resolves({ CreationDate: older });
    scheduler.on(GetScheduleCommand, { GroupName: 'shop', Name: 'c' }).rejects(gone);
    expect(await scheduledSince('shop', ['a', 'b', 'c'], never)).toEqual(older);
    expect(await scheduledSince('shop', ['c'], never)).toBeUndefined();
  });

  it('are not taken for on where Scheduler does not say', async () => {
    const denied = Object.assign(new Error('not allowed'), { name: 'AccessDeniedException' });
    scheduler.on(GetScheduleCommand).rejects(denied);
    await expect(schedulesOff('shop', ['prune'], never)).rejects.toThrow('not allowed');
    scheduler.on(GetScheduleCommand).resolves({});
    expect(await schedulesOff('shop', ['prune'], never)).toEqual([{ schedule: 'prune', state: 'missing' }]);
  });
});

/** Makes a group with one schedule that is off, and removes both: docs/reference/functions.md, "How it is tested". */
describe.runIf(process.env['HOLDFAST_TEST_AWS'] === '1')('schedules of a real account', () => {
  it('are told apart', async () => {
    const { HOLDFAST_TEST_SCHEDULER_ROLE: RoleArn, HOLDFAST_TEST_SCHEDULER_TARGET: Arn } = process.env;
    if (!RoleArn || !Arn)
      throw new Error('wanted: HOLDFAST_TEST_SCHEDULER_ROLE and HOLDFAST_TEST_SCHEDULER_TARGET');
    const client = new SchedulerClient({});
    const GroupName = `holdfast-test-${randomBytes(6).toString('hex')}`;
    await client.send(new CreateScheduleGroupCommand({ Name: GroupName }));
    try {
      const schedule = (Name: string, State: 'ENABLED' | 'DISABLED') =>
        client.send(
          new CreateScheduleCommand({
            GroupName,
            Name,
            State,
            ScheduleExpression: 'cron(0 3 1 1 ? 2099)',
            FlexibleTimeWindow: { Mode: 'OFF' },
            Target: { Arn, RoleArn },
          }),
        );
      await schedule('on', 'ENABLED');
      await schedule('off', 'DISABLED');
      expect(await schedulesOff(GroupName, ['on', 'off', 'gone'], never)).toEqual([
        { schedule: 'gone', state: 'missing' },
        { schedule: 'off', state: 'disabled' },
      ]);
    } finally {
      await client.send(new DeleteScheduleGroupCommand({ Name: GroupName }));
    }
  });
});
