import { describe, expect, it } from 'vitest';
import { resolveConfig } from '../../../shared/config/config.ts';
import { schedulerCron } from '../../../shared/config/scheduler-cron.ts';
import { expectationOf } from '../../../shared/jobs/verdict/expectation.ts';

const SECRET = 'arn:aws:secretsmanager:eu-west-1:111122223333:secret:shop-AbCdEf';

function resolve(file: object, env: Record<string, string> = {}) {
  return resolveConfig({ file, fileName: 'holdfast.config.ts', env, flags: {} });
}

function problemsOf(file: object, env: Record<string, string> = {}): string {
  try {
    resolve(file, env);
  } catch (error) {
    expect((error as { code?: string }).code).toBe('E_CONFIG');
    return (error as Error).message;
  }
  throw new Error('nothing was refused');
}

describe('five cron fields as EventBridge takes them', () => {
  it.each([
    ['0 2 * * *', 'cron(0 2 * * ? *)'],
    ['0 3 * * 0', 'cron(0 3 ? * SUN *)'],
    ['0 3 * * 7', 'cron(0 3 ? * SUN *)'],
    ['30 4 * * 1-5', 'cron(30 4 ? * MON,TUE,WED,THU,FRI *)'],
    ['0 0 * * 5-7', 'cron(0 0 ? * SUN,FRI,SAT *)'],
    ['0 0 1 */3 *', 'cron(0 0 1 1,4,7,10 ? *)'],
    ['*/20 8-18/5 * * *', 'cron(0,20,40 8,13,18 * * ? *)'],
    ['0 0 1,15 jan,JUL *', 'cron(0 0 1,15 1,7 ? *)'],
    ['5 1 * * */2', 'cron(5 1 ? * SUN,TUE,THU,SAT *)'],
    ['5 1 * * 0-7', 'cron(5 1 * * ? *)'],
  ])('%s is %s', (cron, expression) => {
    expect(schedulerCron(cron)).toBe(expression);
  });

  it.each([
    ['0 2 * *', /4 fields/],
    ['0 2 * * * *', /6 fields/],
    ['60 2 * * *', /'60' as minute; allowed are 0 to 59/],
    ['0 24 * * *', /'24' as hour/],
    ['0 2 0 * *', /'0' as day of the month/],
    ['0 2 * 13 *', /'13' as month/],
    ['0 2 * * 8', /'8' as day of the week/],
    ['0 2 1 * 1', /days of the month and days of the week/],
    ['0 2 L * *', /'L' as day of the month/],
    ['0 2 * * 1#2', /'1#2' as day of the week/],
    ['5/10 2 * * *', /'5\/10' as minute/],
    ['*/0 2 * * *', /'\*\/0' as minute/],
    ['9-3 2 * * *', /'9-3' as minute/],
    ['@daily', /1 fields/],
    ['1-59/2 0-22/2,1-23/2 1-31 1-12/1 *', /characters for EventBridge/],
  ])('%s is refused', (cron, message) => {
    expect(() => schedulerCron(cron)).toThrow(message);
  });
});

describe('schedules', () => {
  it('are daily at 02:00 and Sunday at 03:00 UTC where nothing is said', () => {
    expect(resolve({}).aws.schedules).toMatchObject({
      daily: { expression: 'cron(0 2 * * ? *)', timeZone: 'UTC' },
      weekly: { expression: 'cron(0 3 ? * SUN *)', timeZone: 'UTC' },
    });
  });

  it('take a time zone, a rate, other types, and off', () => {
    const { schedules } = resolve({
      schedules: {
        daily: { cron: '15 1 * * *', timeZone: 'Europe/Berlin' },
        weekly: 'off',
        hourly: { rate: '1 hours' },
      },
    }).aws;
    expect(schedules).toEqual({
      daily: expect.objectContaining({ expression: 'cron(15 1 * * ? *)', timeZone: 'Europe/Berlin' }),
      hourly: expect.objectContaining({ expression: 'rate(1 hour)' }),
    });
  });

  it('of the environment win, as the variables always did', () => {
    const { schedules } = resolve(
      { schedules: { daily: '0 1 * * *' } },
      { BACKUP_DAILY_TIME: '0 4 * * *', BACKUP_WEEKLY_TIME: '0 5 * * 6' },
    ).aws;
    expect(schedules['daily']?.expression).toBe('cron(0 4 * * ? *)');
    expect(schedules['weekly']?.expression).toBe('cron(0 5 ? * SAT *)');
  });

  it('give the age at which a backup is missed', () => {
    const hours = (file: object) => {
      const config = resolve(file);
      const of = { name: 'shop', config, runsDefaults: true, types: new Set<string>(), starts: [] };
      return expectationOf(of).ms / 3_600_000;
    };
    expect(hours({})).toBe(26);
    expect(hours({ schedules: { daily: 'off' } })).toBe(170);
    expect(hours({ schedules: { hourly: { rate: '1 hour' } } })).toBe(3);
    expect(hours({ aws: { alarms: { backupAgeHours: 40 } } })).toBe(40);
  });

  it('that are wrong are all listed', () => {
    const text = problemsOf(
      {
        schedules: {
          daily: '0 25 * * *',
          weekly: { cron: '0 3 * * 0', timeZone: 'Mars/Base' },
          hourly: { rate: 'often' },
          monthly: { cron: '0 0 1 * *', sources: ['nobody'] },
        },
      },
      { BACKUP_WEEKLY_TIME: '61 3 * * 0' },
    );
    expect(text).toMatch(/schedules.daily is '0 25/);
    expect(text).toMatch(/schedules.weekly.timeZone is 'Mars\/Base'/);
    expect(text).toMatch(/schedules.hourly is 'often'/);
    expect(text).toMatch(/schedules.monthly.sources has 'nobody'/);
    expect(text).toMatch(/BACKUP_WEEKLY_TIME is '61 3/);
  });
});

describe('secrets and targets', () => {
  it('stand for a URL, by ARN', () => {
    const config = resolve({
      sources: { shop: { kind: 'postgres', secret: SECRET, caFile: 'rds' } },
      targets: { scratch: { kind: 'postgres', url: 'postgres://db/scratch' } },
      drill: { postgres: { secret: SECRET } },
    });
    expect(config.sources).toEqual([
      { name: 'shop', kind: 'postgres', url: '', secret: SECRET, options: { caFile: 'rds' } },
    ]);
    expect(config.targets[0]).toMatchObject({ name: 'scratch', url: 'postgres://db/scratch' });
    expect(config.drill['postgres']).toEqual({ url: '', secret: SECRET, options: {} });
  });

  it('are refused beside a URL, missing, or as anything but an ARN', () => {
    const text = problemsOf({
      sources: {
        both: { kind: 'postgres', url: 'postgres://a/b', secret: SECRET },
        none: { kind: 'postgres' },
      },
    });
    expect(text).toMatch(/sources.both.url: give url or secret/);
    expect(text).toMatch(/sources.none.url: give url or secret/);
    const plain = problemsOf({ sources: { shop: { kind: 'postgres', secret: 'hunter2' } } });
    expect(plain).toMatch(/ARN of a Secrets Manager secret/);
    expect(plain).not.toContain('hunter2');
  });
});

describe('aws', () => {
  it('refuses what it does not know, and what cannot be together', () => {
    const text = problemsOf({
      aws: {
        netwrok: {},
        fargate: { cpu: 1024 },
        jobs: { watchdog: 'off' },
        functions: { plan: { memoryMiB: 1 } },
      },
    });
    expect(text).toMatch(/aws.netwrok is not a setting; did you mean network\?/);
    expect(text).toMatch(/aws.functions.plan.memoryMiB/);
    const together = problemsOf({ aws: { fargate: {}, jobs: { watchdog: 'off' } } });
    expect(together).toMatch(/aws.fargate needs aws.network/);
    expect(together).toMatch(/aws.jobs.watchdog must be a rate of 30 minutes/);
  });
});
