import { CloudWatchClient, paginateDescribeAlarms } from '@aws-sdk/client-cloudwatch';
import { GetAccountSettingsCommand, LambdaClient } from '@aws-sdk/client-lambda';
import { ListSchedulesCommand, SchedulerClient } from '@aws-sdk/client-scheduler';
import { paginateListSubscriptionsByTopic, paginateListTopics, SNSClient } from '@aws-sdk/client-sns';
import { DEFAULT_SHARES_AT_ONCE, FUNCTION_NAMES } from '../../../config/aws.ts';
import { scheduleNames } from '../../../config/schedule-names.ts';
import { bytes } from '../../../core/human.ts';
import { plural } from '../../../core/plural.ts';
import { type Check, type CheckResult, differs, holds, runChecks } from '../../../sources/source-checks.ts';
import { type DoctorGroup, rowOf } from '../row.ts';
import { unlessDenied } from './aws-errors.ts';
import type { Deployment } from './deployment.ts';

/**
 * Besides its shares, a backup has functions that plan, hold, commit and verify; and the watchdog and the API
 * must run.
 */
const BESIDE_SHARES = 5;
const MOST_CODE_SHARE = 0.9;
const NAMED = 5;

/** What can be checked of a deployment from outside. */
export function accountGroup(deployment: Deployment): DoctorGroup {
  return {
    names: CHECKS.map(({ name }) => name),
    run: async function* (given) {
      for await (const check of runChecks(CHECKS, deployment, { ...given, mayWrite: false }))
        yield rowOf(check, {
          name: check.name,
          code: 'E_DEPLOYMENT',
          fix: 'Deploy again: cdk deploy --all.',
        });
    },
  };
}

const CHECKS: readonly Check<Deployment>[] = [
  {
    name: 'functions',
    assumes: 'All functions exist.',
    neededFor: 'backup',
    follows: 'The work of the missing one is not done.',
    look: async ({ functions, config }) => {
      const missing = missingFunctions(functions, config);
      if (missing.length === 0) return holds(plural(functions.length, 'function'));
      return differs(`missing: ${missing.join(', ')}`, {
        fix: 'Deploy again: cdk deploy --all. CloudTrail shows what removed them (DeleteFunction).',
      });
    },
  },
  {
    name: 'schedules',
    assumes: 'All schedules exist, and are on.',
    neededFor: 'backup',
    follows: 'Backups are not made.',
    look: (deployment, signal) =>
      unlessDenied({ what: 'the schedules', action: 'scheduler:ListSchedules', signal }, () =>
        lookAtSchedules(deployment, signal),
      ),
  },
  {
    name: 'subscriptions',
    assumes: 'Somebody receives alarms, and has confirmed the subscription.',
    neededFor: 'information',
    follows: 'Nobody learns of a failed backup.',
    look: (deployment, signal) =>
      unlessDenied(
        { what: 'the topic for alarms', action: 'sns:ListTopics and sns:ListSubscriptionsByTopic', signal },
        () => lookAtSubscriptions(deployment, signal),
      ),
  },
  {
    name: 'alarms',
    assumes: 'No alarm is active, and all of them notify somebody.',
    neededFor: 'information',
    follows: 'Something already needs attention.',
    look: (deployment, signal) =>
      unlessDenied({ what: 'the alarms', action: 'cloudwatch:DescribeAlarms', signal }, () =>
        lookAtAlarms(deployment, signal),
      ),
  },
  {
    name: 'concurrency',
    assumes: 'The account allows as many concurrent functions as a backup needs.',
    neededFor: 'information',
    follows: 'Functions are throttled: backups take longer, and finally fail.',
    look: (deployment, signal) =>
      unlessDenied({ what: 'limits of Lambda', action: 'lambda:GetAccountSettings', signal }, () =>
        lookAtConcurrency(deployment, signal),
      ),
  },
  {
    name: 'code-storage',
    assumes: 'There is room for function code.',
    neededFor: 'information',
    follows: 'The next deployment fails.',
    look: (deployment, signal) =>
      unlessDenied({ what: 'limits of Lambda', action: 'lambda:GetAccountSettings', signal }, async () => {
        const { AccountLimit, AccountUsage } = await accountSettings(deployment, signal);
        const [used, most] = [AccountUsage?.TotalCodeSize ?? 0, AccountLimit?.TotalCodeSize ?? 0];
        const seen = `${bytes(used)} of ${bytes(most)} in use`;
        if (used <= most * MOST_CODE_SHARE) return holds(seen);
        return differs(seen, {
          fix: 'Remove old versions of functions, or request a higher quota (Service Quotas, Lambda, "Function and layer storage").',
        });
      }),
  },
];

/** Each source that is polled has a function of its own. */
function missingFunctions(functions: Deployment['functions'], config: Deployment['config']): string[] {
  const polled = config.sources.filter(({ continuous }) => continuous).map(({ name }) => name);
  const wanted = [
    ...FUNCTION_NAMES,
    ...(config.lock ? ['lock'] : []),
    ...(polled.length > 0 ? ['poll-watchdog', 'prove'] : []),
  ];
  return [
    ...wanted.filter((name) => !functions.some(({ job }) => job === name)),
    ...polled
      .filter((name) => !functions.some(({ job, source }) => job === 'poll' && source === name))
      .map((name) => `poll of ${name}`),
  ];
}

async function lookAtSchedules(deployment: Deployment, signal: AbortSignal): Promise<CheckResult> {
  const { config, scheduleGroup: group } = deployment;
  if (group === undefined)
    return differs('they are off: the deployment was made with schedules disabled', {
      isMinor: true,
      fix: 'Deploy with ENABLE_BACKUPS=true (or `enabled`), unless this is intended.',
    });
  const client = new SchedulerClient(regionOf(deployment));
  const states = new Map<string, string>();
  let NextToken: string | undefined;
  do {
    const command = new ListSchedulesCommand({ GroupName: group, ...(NextToken ? { NextToken } : {}) });
    const page = await client.send(command, { abortSignal: signal });
    for (const { Name = '', State = '' } of page.Schedules ?? []) states.set(Name, State);
    NextToken = page.NextToken;
  } while (NextToken);
  client.destroy();
  const wanted = scheduleNames(config);
  const off = wanted.filter((name) => states.get(name) !== 'ENABLED');
  if (off.length === 0) return holds(`${wanted.length} are on`);
  const named = off.slice(0, NAMED).map((name) => `${name} ${states.has(name) ? 'is off' : 'is gone'}`);
  return differs(`${named.join(', ')}${off.length > NAMED ? ` and ${off.length - NAMED} more` : ''}`, {
    fix: 'Deploy again, or turn them on in EventBridge Scheduler.',
  });
}

async function lookAtSubscriptions(deployment: Deployment, signal: AbortSignal): Promise<CheckResult> {
  const client = new SNSClient(regionOf(deployment));
  const options = { abortSignal: signal };
  const topics: string[] = [];
  for await (const { Topics = [] } of paginateListTopics({ client }, {}, options))
    topics.push(
      ...Topics.flatMap(({ TopicArn = '' }) => (isTopicOf(deployment, TopicArn) ? [TopicArn] : [])),
    );
  const states: { readonly who: string; readonly isConfirmed: boolean }[] = [];
  for (const TopicArn of topics)
    for await (const { Subscriptions = [] } of paginateListSubscriptionsByTopic(
      { client },
      { TopicArn },
      options,
    ))
      for (const { SubscriptionArn = '', Endpoint = '' } of Subscriptions)
        states.push({ who: Endpoint, isConfirmed: SubscriptionArn.startsWith('arn:') });
  client.destroy();
  const open = states.filter(({ isConfirmed }) => !isConfirmed).map(({ who }) => who);
  if (states.length === 0)
    return differs('nobody receives alarms', {
      fix: 'Set aws.notifications.emails and deploy, or subscribe to the output AlertTopicArn.',
    });
  if (open.length === 0) return holds(`${plural(states.length, 'subscription')}, confirmed`);
  return differs(`not confirmed by ${open.join(', ')}`, {
    fix: "Follow the link in AWS's email; it is valid for two days. Subscribe again if it is gone.",
  });
}

function isTopicOf({ stack }: Deployment, arn: string): boolean {
  return arn.slice(arn.lastIndexOf(':') + 1).startsWith(stack);
}

async function lookAtAlarms(deployment: Deployment, signal: AbortSignal): Promise<CheckResult> {
  const client = new CloudWatchClient(regionOf(deployment));
  const input = { AlarmNamePrefix: deployment.stack };
  const [standing, silent]: [string[], string[]] = [[], []];
  let all = 0;
  for await (const { MetricAlarms = [] } of paginateDescribeAlarms({ client }, input, {
    abortSignal: signal,
  }))
    for (const { AlarmName = '', StateValue, ActionsEnabled } of MetricAlarms) {
      all++;
      if (StateValue === 'ALARM') standing.push(AlarmName);
      if (ActionsEnabled === false) silent.push(AlarmName);
    }
  client.destroy();
  const problems = [
    ...(standing.length > 0 ? [`in alarm: ${standing.slice(0, NAMED).join(', ')}`] : []),
    ...(silent.length > 0 ? [`with actions disabled: ${silent.slice(0, NAMED).join(', ')}`] : []),
  ];
  if (all === 0)
    return differs('there are no alarms', {
      fix: 'Deploy the monitoring stack: cdk deploy --all.',
    });
  if (problems.length === 0) return holds(`${plural(all, 'alarm')}, none active`);
  return differs(problems.join('; '), {
    fix: 'docs/guide/operations.md, "On AWS", says what to do about each alarm; aws cloudwatch enable-alarm-actions enables actions.',
  });
}

async function lookAtConcurrency(deployment: Deployment, signal: AbortSignal): Promise<CheckResult> {
  const { AccountLimit } = await accountSettings(deployment, signal);
  const { UnreservedConcurrentExecutions: left = 0, ConcurrentExecutions: most = 0 } = AccountLimit ?? {};
  const needed = (deployment.config.aws.maxConcurrency ?? DEFAULT_SHARES_AT_ONCE) + BESIDE_SHARES;
  const seen = `${left} of ${most} are unreserved; a backup takes up to ${needed}`;
  if (left >= needed) return holds(seen);
  return differs(seen, {
    fix: 'Request a higher quota (Service Quotas, Lambda, "Concurrent executions"), or set a smaller aws.maxConcurrency.',
  });
}

async function accountSettings(deployment: Deployment, signal: AbortSignal) {
  const client = new LambdaClient(regionOf(deployment));
  try {
    return await client.send(new GetAccountSettingsCommand({}), { abortSignal: signal });
  } finally {
    client.destroy();
  }
}

function regionOf({ region }: Deployment): { readonly region?: string } {
  return region === undefined ? {} : { region };
}
