import { Duration, SecretValue, Stack } from 'aws-cdk-lib';
import {
  Alarm,
  ComparisonOperator,
  type IMetric,
  MathExpression,
  Metric,
  Stats,
  TreatMissingData,
} from 'aws-cdk-lib/aws-cloudwatch';
import { SnsAction } from 'aws-cdk-lib/aws-cloudwatch-actions';
import {
  ApiDestination,
  Authorization,
  Connection,
  type IApiDestination,
  type IEventBus,
  Rule,
  RuleTargetInput,
} from 'aws-cdk-lib/aws-events';
import { ApiDestination as ApiTarget, SnsTopic } from 'aws-cdk-lib/aws-events-targets';
import { Effect, PolicyStatement, ServicePrincipal } from 'aws-cdk-lib/aws-iam';
import { type ITopic, Topic } from 'aws-cdk-lib/aws-sns';
import { EmailSubscription } from 'aws-cdk-lib/aws-sns-subscriptions';
import { Queue, QueueEncryption } from 'aws-cdk-lib/aws-sqs';
import { Construct } from 'constructs';
import type { FunctionName } from '../../shared/config/aws.ts';
import { ALERT_TYPES, EVENT_SOURCE } from '../../shared/config/events.ts';
import type { AdminApi } from './admin-api.ts';
import { backupDashboard } from './backup-dashboard.ts';
import { copyMetric, type MetricName, sourceMetric } from './backup-metrics.ts';
import type { BackupPipeline } from './backup-pipeline.ts';
import type { BackupStorage } from './backup-storage.ts';
import { continuousAlarms } from './continuous-alarms.ts';

/** An address that receives every event. */
export interface Webhook {
  /** ARN of a Secrets Manager secret: `{"url": "https://…", "token": "…"}`. */
  readonly secret: string;

  /**
   * The header for the token.
   *
   * @default 'Authorization'
   */
  readonly header?: string | undefined;
}

/** What alarms and the dashboard watch. */
export interface BackupMonitoringProps {
  readonly storage: BackupStorage;
  readonly pipeline: BackupPipeline;

  /**
   * The admin API, to watch it as well.
   *
   * @default - none
   */
  readonly api?: AdminApi | undefined;

  /**
   * Who gets an email about what needs attention.
   *
   * @default - nobody: subscribe to `alertTopic`
   */
  readonly alertEmails?: readonly string[] | undefined;

  /**
   * Receives every event, good ones too.
   *
   * @default - none
   */
  readonly webhook?: Webhook | undefined;
}

const HOUR = Duration.hours(1);
/** More than any function is called in a day. */
const MANY = 1_000_000;
/** Functions that are called without waiting for them. */
const UNAWAITED: readonly FunctionName[] = ['restore', 'export', 'prune', 'drill', 'watchdog'];

/** Alarms, dashboard and notifications. */
export class BackupMonitoring extends Construct {
  /** Receives alarms and alerting events. */
  readonly alertTopic: Topic;
  readonly alarms: readonly Alarm[];
  readonly #alarms: Alarm[] = [];
  readonly #deployment: string;

  constructor(scope: Construct, id: string, props: BackupMonitoringProps) {
    super(scope, id);
    const { pipeline, storage, api, alertEmails = [], webhook } = props;
    this.alertTopic = new Topic(this, 'Alerts', { displayName: 'Holdfast', enforceSSL: true });
    allowServices(this.alertTopic);
    for (const email of alertEmails) this.alertTopic.addSubscription(new EmailSubscription(email));
    this.#deployment = pipeline.deployment;
    this.#tellOfEvents(pipeline.eventBus, webhook);
    const sources = pipeline.config.sources.map(({ name }) => name);
    for (const source of sources) this.#watchSource(source, pipeline);
    this.#watchStateMachines(pipeline);
    this.#watchCopies(pipeline);
    for (const { id: name, metric, ...options } of continuousAlarms(pipeline))
      this.#alarm(name, metric, options);
    this.#watchWatchdog(pipeline);
    this.#watchDeadLetters(pipeline);
    if (api) this.#watchApi(api);
    this.#watchKey(storage);
    this.#watchDecrypts(pipeline);
    this.alarms = this.#alarms;
    const polled = pipeline.continuous?.polled.map(({ name }) => name);
    backupDashboard(this, 'Dashboard', this.#alarms, { deployment: this.#deployment, sources, polled });
  }

  /** A metric of one source. @default - the largest value of an hour */
  metric(name: MetricName, source: string): Metric {
    return sourceMetric(name, { deployment: this.#deployment, source });
  }

  #tellOfEvents(eventBus: IEventBus, webhook: Webhook | undefined): void {
    // Another deployment in the account has the same bus.
    const detail = { deployment: [this.#deployment] };
    new Rule(this, 'AlertRule', {
      description: 'Holdfast: events that need attention',
      eventBus,
      eventPattern: { source: [EVENT_SOURCE], detailType: [...ALERT_TYPES], detail },
      targets: [new SnsTopic(this.alertTopic)],
    });
    if (!webhook) return;
    const { secret, header = 'Authorization' } = webhook;
    const fieldOf = (jsonField: string) => SecretValue.secretsManager(secret, { jsonField });
    const destination = new ApiDestination(this, 'Webhook', {
      connection: new Connection(this, 'Connection', {
        authorization: Authorization.apiKey(header, fieldOf('token')),
      }),
      // A dynamic reference: CloudFormation reads it, the template does not have it.
      endpoint: fieldOf('url').unsafeUnwrap(),
      rateLimitPerSecond: 5,
    });
    new Rule(this, 'WebhookRule', {
      description: 'Holdfast: every event, to the webhook',
      eventBus,
      eventPattern: { source: [EVENT_SOURCE], detail },
      targets: [
        new ApiTarget(destination as IApiDestination, {
          retryAttempts: 20,
          maxEventAge: Duration.hours(6),
          deadLetterQueue: new Queue(this, 'WebhookDeadLetters', {
            encryption: QueueEncryption.SQS_MANAGED,
            enforceSSL: true,
            retentionPeriod: Duration.days(14),
          }),
        }),
      ],
    });
  }

  #watchSource(source: string, { config, schedules }: BackupPipeline): void {
    const { alarms, jobs } = config.aws;
    const seconds = (ms: number) => Math.round(ms / 1000);
    const of = (name: MetricName) =>
      sourceMetric(name, { deployment: this.#deployment, source }, { period: HOUR });
    this.#alarm(`BackupMissed-${source}`, of('BackupMissed'), {
      text: `the newest good backup of ${source} is too old, or its age is no longer measured`,
      tellsOfSilence: true,
    });
    this.#alarm(
      `BackupUnsound-${source}`,
      together('MAX([suspect, damaged, uncovered])', {
        suspect: of('Suspects'),
        damaged: of('VerificationFailed'),
        uncovered: of('Uncovered'),
      }),
      {
        text: `a backup of ${source} is suspect, damaged, could not be verified, or is not opened by a recovery key`,
      },
    );
    this.#alarm(`RolledBack-${source}`, together('0 - DIFF(number)', { number: of('BackupNumber') }), {
      text: `the number of the newest backup of ${source} fell: backups are gone that no prune would remove`,
    });
    const proofs = {
      ...(jobs.verify ? { verified: [of('VerificationAge'), alarms.verificationAgeMs] as const } : {}),
      ...(jobs.drill && schedules.drilled.includes(source)
        ? { drilled: [of('DrillAge'), alarms.drillAgeMs] as const }
        : {}),
    };
    const shares = Object.entries(proofs).map(([name, [, ms]]) => `${name} / ${seconds(ms)}`);
    if (shares.length === 0) return;
    const ages = Object.fromEntries(Object.entries(proofs).map(([name, [metric]]) => [name, metric]));
    this.#alarm(`ProofOld-${source}`, together(`MAX([${shares.join(', ')}])`, ages), {
      text: `no backup of ${source} has been verified, or restored in a drill, for a long time`,
      above: 1,
    });
  }

  /** Independent of events: that executions end properly. */
  #watchStateMachines({ stateMachine, verification }: BackupPipeline): void {
    const metrics = Object.fromEntries(
      [stateMachine, verification].flatMap((machine, i) => [
        [`failed${i}`, machine.metricFailed({ period: HOUR })],
        [`timedOut${i}`, machine.metricTimedOut({ period: HOUR })],
        [`aborted${i}`, machine.metricAborted({ period: HOUR })],
      ]),
    );
    this.#alarm('ExecutionsFailed', together('SUM(METRICS())', metrics), {
      text: 'an execution of a state machine failed, timed out, or was stopped',
    });
  }

  /** From the lists of the second places, whatever copies themselves report. */
  #watchCopies({ config }: BackupPipeline): void {
    const above = Math.round(config.aws.alarms.copyLagMs / 1000);
    for (const { name = '' } of config.copies)
      this.#alarm(`CopyBehind-${name}`, copyMetric(this.#deployment, name), {
        text: `backups are missing in the second place ${name}, or its content cannot be checked`,
        above,
      });
  }

  /**
   * Independent of what the watchdog itself reports: that it runs, and does not fail each time. The first
   * alarm waits for a first run, so that installing does not call anybody; the second needs none, and waits
   * for two days on which others ran.
   */
  #watchWatchdog(pipeline: BackupPipeline): void {
    const watchdog = pipeline.function('watchdog');
    const runs = watchdog.metricInvocations({ period: HOUR, statistic: Stats.SUM });
    const errors = watchdog.metricErrors({ period: HOUR, statistic: Stats.SUM });
    this.#alarm('WatchdogSilent', together('runs - FILL(errors, 0)', { runs, errors }), {
      text: 'the watchdog did not run, or failed each time: missed backups go unnoticed',
      below: 1,
      tellsOfSilence: true,
    });
    const ofDay = { period: Duration.days(1), statistic: Stats.SUM };
    const counted = {
      runs: watchdog.metricInvocations(ofDay),
      backups: pipeline.function('plan').metricInvocations(ofDay),
      prunes: pipeline.function('prune').metricInvocations(ofDay),
    };
    // Missing data is left out of the maximum: without a run that is the count of the others.
    this.#alarm(
      'WatchdogNeverRan',
      new MathExpression({
        expression: `MAX([runs * ${MANY}, backups, prunes])`,
        usingMetrics: counted,
        period: ofDay.period,
      }),
      {
        text: 'the watchdog did not run on two days on which backups or prunes did',
        below: MANY,
        periods: 2,
      },
    );
  }

  /**
   * For calls that nobody waits for; the state machine reports its own steps. Entries that came more than an
   * hour ago are over, but still in their queue.
   */
  #watchDeadLetters(pipeline: BackupPipeline): void {
    const queues = {
      schedules: pipeline.schedules.deadLetterQueue,
      ...Object.fromEntries(UNAWAITED.map((job) => [job, pipeline.job(job).deadLetterQueue] as const)),
      ...(pipeline.lock ? { lock: pipeline.lock.deadLetterQueue } : {}),
      putBack: pipeline.ofRows['put-back'].deadLetterQueue,
      ...(pipeline.continuous ? { proofs: pipeline.continuous.proof.deadLetterQueue } : {}),
      ...(pipeline.copies ? { copies: pipeline.copies.deadLetterQueue } : {}),
    };
    const sent = Object.entries(queues).map(([name, queue]) => [
      name,
      queue.metricNumberOfMessagesSent({ period: HOUR, statistic: Stats.SUM }),
    ]);
    this.#alarm('DeadLetters', together('SUM(METRICS())', Object.fromEntries(sent)), {
      text: `something could not be started, or failed, and is in a dead-letter queue (${Object.keys(queues).join(', ')})`,
    });
  }

  #watchApi(api: AdminApi): void {
    this.#alarm('ApiFailing', api.httpApi.metricServerError({ period: HOUR, statistic: Stats.SUM }), {
      text: 'the admin API returns status 500 or higher',
    });
  }

  /** CloudTrail reports the key's scheduled deletion at once; there are 30 days to cancel it. */
  #watchKey({ key }: BackupStorage): void {
    const rule = new Rule(this, 'KeyRule', {
      description: 'Holdfast: the key of all backups is about to be deleted, or was disabled',
      eventPattern: {
        source: ['aws.kms'],
        detailType: ['AWS API Call via CloudTrail'],
        detail: {
          eventSource: ['kms.amazonaws.com'],
          eventName: ['ScheduleKeyDeletion', 'DisableKey'],
          resources: { ARN: [key.keyArn] },
        },
      },
      targets: [
        new SnsTopic(this.alertTopic, {
          message: RuleTargetInput.fromText(
            `The key ${key.keyArn} is scheduled for deletion or was disabled. Every backup is lost with it. Cancel at once: aws kms cancel-key-deletion, aws kms enable-key`,
          ),
        }),
      ],
    });
    this.#alarm('KeyDeletion', matchedBy(rule.ruleName), {
      text: 'the key of all backups is scheduled for deletion, or was disabled',
    });
  }

  #watchDecrypts({ decrypts }: BackupPipeline): void {
    if (!decrypts) return;
    this.#alarm('RecordsOpened', matchedBy(decrypts.ruleName), {
      text: "a key of backed-up records was opened by something other than Holdfast's functions",
    });
  }

  #alarm(
    id: string,
    metric: IMetric,
    { text, above = 0, below, tellsOfSilence = false, periods = 1 }: AlarmOptions,
  ): void {
    const alarm = new Alarm(this, id, {
      alarmDescription: `Holdfast: ${text}. See docs/guide/operations.md, "On AWS".`,
      metric,
      threshold: below ?? above,
      comparisonOperator:
        below === undefined
          ? ComparisonOperator.GREATER_THAN_THRESHOLD
          : ComparisonOperator.LESS_THAN_THRESHOLD,
      evaluationPeriods: periods,
      treatMissingData: tellsOfSilence ? TreatMissingData.MISSING : TreatMissingData.NOT_BREACHING,
    });
    const tell = new SnsAction(this.alertTopic);
    alarm.addAlarmAction(tell);
    if (tellsOfSilence) alarm.addInsufficientDataAction(tell);
    this.#alarms.push(alarm);
  }
}

interface AlarmOptions {
  readonly text: string;
  /** @default 0 */
  readonly above?: number;
  readonly below?: number;
  /** Whether it alarms when data stops; before the first data it never alarms. @default false */
  readonly tellsOfSilence?: boolean;
  /** Number of periods in a row. @default 1 */
  readonly periods?: number;
}

/** How often a rule matched. */
function matchedBy(ruleName: string): Metric {
  return new Metric({
    namespace: 'AWS/Events',
    metricName: 'MatchedEvents',
    dimensionsMap: { RuleName: ruleName },
    statistic: Stats.SUM,
    period: Duration.minutes(5),
  });
}

function together(expression: string, usingMetrics: Readonly<Record<string, IMetric>>): IMetric {
  return new MathExpression({ expression, usingMetrics: { ...usingMetrics }, period: HOUR });
}

/** Setting a policy replaces the topic's default, which would let the account's alarms publish. */
function allowServices(topic: ITopic): void {
  topic.addToResourcePolicy(
    new PolicyStatement({
      sid: 'Alarms',
      effect: Effect.ALLOW,
      principals: [new ServicePrincipal('cloudwatch.amazonaws.com')],
      actions: ['sns:Publish'],
      resources: [topic.topicArn],
      conditions: { StringEquals: { 'aws:SourceAccount': Stack.of(topic).account } },
    }),
  );
}
