import { Match } from 'aws-cdk-lib/assertions';
import { describe, expect, it } from 'vitest';
import { type HoldfastConfig, resolveConfig } from '../../shared/config/config.ts';
import { backupScheduleName, scheduleNames } from '../../shared/config/schedule-names.ts';
import { expressionFor } from '../../shared/config/schedules.ts';
import { deploymentOf, FULL_CONFIG, SECRETS } from '../support/aws/deployment.ts';
import { isAllowed, resourcePolicies, rolePolicies } from '../support/aws/policy-simulator.ts';

const { pipeline, storage } = deploymentOf(FULL_CONFIG);
const { bucket } = resourcePolicies(storage);
const WATCHDOG = Match.objectLike({ POWERTOOLS_SERVICE_NAME: 'watchdog' });
const config = resolveConfig({ file: FULL_CONFIG, fileName: 'config', env: {}, flags: {} });
const schedules = Object.values(pipeline.findResources('AWS::Scheduler::Schedule')).map(
  ({ Properties }) => Properties as { Name: string; GroupName: unknown },
);
const groups = Object.values(pipeline.findResources('AWS::Scheduler::ScheduleGroup')).map(
  ({ Properties }) => Properties?.Name as string | undefined,
);
const [group = ''] = groups.filter((name) => name !== undefined);

/** Of releases that are deployed. */
const KNOWN_IDS = [
  'PipelineSchedulesdailyshopFAF7938F',
  'PipelineSchedulesdrillshopAE322CBA',
  'PipelineContinuouspollshop771083AD',
  'PipelineContinuouspollwatchdog1BC19574',
  'PipelinepollshopF30E962A',
  'PipelinepollwatchdogC346AC2B',
];

describe('schedules', () => {
  it('have the names that the watchdog looks for', () => {
    const names = schedules.map(({ Name }) => Name).filter((name) => name !== 'watchdog');
    expect(names.toSorted()).toEqual(scheduleNames(config).toSorted());
    expect(names).toEqual(expect.arrayContaining(['backup-hourly-shop', 'backup-daily-game', 'drill-shop']));
    pipeline.hasResourceProperties('AWS::Lambda::Function', {
      Environment: {
        Variables: Match.objectLike({ POWERTOOLS_SERVICE_NAME: 'watchdog', HOLDFAST_SCHEDULE_GROUP: group }),
      },
    });
  });

  it('of several sources begin at minutes of their own, which follow from the name alone', () => {
    const minutesOf = (names: readonly string[]) => {
      const places = names.map((name) => [name, { kind: 'postgres' as const, secret: SECRETS.source }]);
      const made = deploymentOf({ sources: Object.fromEntries(places) }).pipeline;
      return Object.fromEntries(
        Object.values(made.findResources('AWS::Scheduler::Schedule')).flatMap(({ Properties }) => {
          const [, source] = /daily backup of (.*)$/.exec(Properties.Description) ?? [];
          const [, minute] = /^cron\((\d+) 2 \* \* \? \*\)$/.exec(Properties.ScheduleExpression) ?? [];
          return source === undefined ? [] : [[source, Number(minute)]];
        }),
      );
    };
    const names = Array.from({ length: 12 }, (_, i) => `shop-${i}`);
    const minutes = minutesOf(names);
    expect(minutes).toEqual({ ...minutes, ...minutesOf(['shop-3', 'shop-7']) });
    const quarters = names.map((name) => Math.floor((minutes[name] ?? Number.NaN) / 15));
    const busiest = Math.max(
      ...[0, 1, 2, 3].map((at) => quarters.filter((quarter) => quarter === at).length),
    );
    expect(busiest).toBeLessThan(6);
  });

  it('are shown in the outputs, as the API shows them', () => {
    const outputs = pipeline.findOutputs('*');
    const hourly = Object.entries(outputs).find(([name]) => name.startsWith('BackupTimeshourly'));
    expect(hourly?.[1]['Value']).toBe('shop: rate(1 hour) (UTC)');
    const weekly = Object.entries(outputs).find(([name]) => name.startsWith('BackupTimesweekly'));
    const { weekly: when } = config.aws.schedules;
    if (!when) throw new Error('there is no weekly schedule');
    expect(weekly?.[1]['Value']).toBe(
      `shop: ${expressionFor(when, 'shop')}, game: ${expressionFor(when, 'game')} (UTC)`,
    );
  });

  it('have names that Scheduler takes, and no two the same', () => {
    const long = 'x'.repeat(80);
    const names = [
      backupScheduleName('daily', `${long}1`),
      backupScheduleName('daily', `${long}2`),
      backupScheduleName('daily', 'shop'),
    ];
    expect(new Set(names).size).toBe(3);
    for (const name of names) expect(name).toMatch(/^[0-9a-zA-Z._-]{1,64}$/);
  });

  it('and functions do not share a name or id, whatever sources and types of backups are called', () => {
    const polled = { kind: 'postgres', secret: SECRETS.source, continuous: {} } as const;
    const file: HoldfastConfig = {
      sources: { watchdog: polled, shop: polled, 'eu-shop': polled },
      drill: { postgres: { secret: SECRETS.drill } },
      schedules: { daily: '0 2 * * *', 'daily-eu': '0 3 * * *', dailyeu: '0 5 * * *', drill: '0 4 * * *' },
    };
    const made = deploymentOf(file).pipeline;
    const of = (type: string) => Object.entries(made.findResources(type));
    const names = of('AWS::Scheduler::Schedule').map(([, { Properties }]) => Properties.Name as string);
    expect(new Set(names).size).toBe(names.length);
    const read = resolveConfig({ file, fileName: 'config', env: {}, flags: {} });
    expect(names.filter((name) => name !== 'watchdog').toSorted()).toEqual(scheduleNames(read).toSorted());
    const times = Object.keys(made.toJSON()['Outputs']).filter((id) => id.startsWith('BackupTimes'));
    const ids = ['daily', 'dailyDasheu', 'dailyeu', 'drill'].map((type) => `BackupTimes${type}`);
    expect(times).toEqual(expect.arrayContaining(ids));
    const pollers = of('AWS::Lambda::Function').flatMap(([, { Properties }]) => {
      const { POWERTOOLS_SERVICE_NAME: job, HOLDFAST_CONFIG: own } = Properties.Environment?.Variables ?? {};
      return job === 'poll' ? [Object.keys(JSON.parse(own).sources)] : [];
    });
    expect(pollers.flat().toSorted()).toEqual(['eu-shop', 'shop', 'watchdog']);
  });

  it('and functions keep the ids by which CloudFormation knows them: others would be made anew', () => {
    const ids = ['AWS::Scheduler::Schedule', 'AWS::Lambda::Function'].flatMap((type) =>
      Object.keys(pipeline.findResources(type)),
    );
    expect(ids).toEqual(expect.arrayContaining(KNOWN_IDS));
  });

  it('are seen by the watchdog, and touched by nobody', () => {
    const schedule = `arn:aws:scheduler:eu-west-1:111122223333:schedule/${group}/backup-daily-shop`;
    const allowed = (job: string, action: string, resource = schedule) =>
      isAllowed(rolePolicies(pipeline, job), bucket, { action, resource });
    expect(allowed('watchdog', 'scheduler:GetSchedule')).toBe(true);
    const other = schedule.replace(group, 'default');
    expect(allowed('watchdog', 'scheduler:GetSchedule', other)).toBe(false);
    for (const action of ['UpdateSchedule', 'DeleteSchedule', 'CreateSchedule'])
      expect(allowed('watchdog', `scheduler:${action}`), action).toBe(false);
    for (const job of ['plan', 'commit', 'prune', 'restore'])
      expect(allowed(job, 'scheduler:GetSchedule'), job).toBe(false);
  });

  it('are not looked for where they are off', () => {
    const off = deploymentOf(FULL_CONFIG, { ENABLE_BACKUPS: 'false' }).pipeline;
    off.hasResourceProperties('AWS::Scheduler::Schedule', { State: 'DISABLED' });
    const [watchdog] = Object.values(
      off.findResources('AWS::Lambda::Function', { Properties: { Environment: { Variables: WATCHDOG } } }),
    );
    expect(watchdog?.['Properties'].Environment.Variables).not.toHaveProperty('HOLDFAST_SCHEDULE_GROUP');
  });
});
