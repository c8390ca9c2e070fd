import { Duration, SecretValue, Stack } from 'aws-cdk-lib';
import {
  Alarm,
  ComparisonOperator,
  type IMetric,
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
import { API_FUNCTION_NAMES, FUNCTION_NAMES } from '../../shared/core/config-aws.ts';
import { ALERT_TYPES, EVENT_SOURCE } from '../../shared/core/events.ts';
import type { AdminApi } from './admin-api.ts';
import { backupDashboard } from './backup-dashboard.ts';
import { type MetricName, sourceMetric } from './backup-metrics.ts';
import type { BackupPipeline } from './backup-pipeline.ts';
import type { BackupStorage } from './backup-storage.ts';

/** A place on the web that is told of every event. */
export interface Webhook {
  /** ARN of a Secrets Manager secret: `{"url": "https://…", "token": "…"}`. */
  readonly secret: string;

  /**
   * The header that the token is sent in.
   *
   * @default 'Authorization'
   */
  readonly header?: string | undefined;
}

export interface BackupMonitoringProps {
  readonly storage: BackupStorage;
  readonly pipeline: BackupPipeline;

  /**
   * The admin API to watch as well.
   *
   * @default - none
   */
  readonly api?: AdminApi | undefined;

  /**
   * Who is told of what somebody must look at.
   *
   * @default - nobody: subscribe to `alertTopic`
   */
  readonly alertEmails?: readonly string[] | undefined;

  /**
   * Told of every event, good ones too.
   *
   * @default - none
   */
  readonly webhook?: Webhook | undefined;
}

const HOUR = Duration.hours(1);

/** Alarms, dashboard and notifications. */
export class BackupMonitoring extends Construct {
  /** Alarms and alerting events go here. */
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
    this.#watchStateMachine(pipeline);
    this.#watchWatchdog(pipeline);
    this.#watchDeadLetters(pipeline);
    if (api) this.#watchApi(api);
    this.#watchKey(storage);
    this.alarms = this.#alarms;
    backupDashboard(this, 'Dashboard', this.#alarms, { deployment: this.#deployment, sources });
  }

  /** A metric of one source. @default - the largest value of an hour */
  metric(name: MetricName, source: string): Metric {
    return sourceMetric(name, { deployment: this.#deployment, source });
  }

  #tellOfEvents(eventBus: IEventBus, webhook: Webhook | undefined): void {
    // Another deployment of the account has the same bus.
    const detail = { deployment: [this.#deployment] };
    new Rule(this, 'AlertRule', {
      description: 'Holdfast: events that somebody must look at',
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
    this.#alarm(`BackupMissed-${source}`, of('BackupAge'), {
      text: `the newest good backup of ${source} is too old, or nobody measures its age`,
      above: seconds(alarms.backupAgeMs),
      missing: TreatMissingData.BREACHING,
    });
    this.#alarm(`BackupFailed-${source}`, of('BackupFailed'), { text: `a backup of ${source} failed` });
    this.#alarm(`BackupSuspect-${source}`, of('Suspects'), { text: `a backup of ${source} is suspect` });
    this.#alarm(`VerificationFailed-${source}`, of('VerificationFailed'), {
      text: `a backup of ${source} is damaged, or could not be verified`,
    });
    if (jobs.verify)
      this.#alarm(`VerificationOld-${source}`, of('VerificationAge'), {
        text: `no backup of ${source} has been verified for long`,
        above: seconds(alarms.verificationAgeMs),
      });
    if (jobs.drill && schedules.drilled.includes(source))
      this.#alarm(`DrillOld-${source}`, of('DrillAge'), {
        text: `no backup of ${source} has been restored in a drill for long`,
        above: seconds(alarms.drillAgeMs),
      });
  }

  #watchStateMachine({ stateMachine }: BackupPipeline): void {
    const metrics = {
      Failed: stateMachine.metricFailed({ period: HOUR }),
      TimedOut: stateMachine.metricTimedOut({ period: HOUR }),
      Aborted: stateMachine.metricAborted({ period: HOUR }),
    };
    for (const [how, metric] of Object.entries(metrics))
      this.#alarm(`Executions${how}`, metric, { text: `an execution of the backup state machine: ${how}` });
  }

  /** Independent of what the watchdog itself says: that it runs, and does not fail. */
  #watchWatchdog(pipeline: BackupPipeline): void {
    const watchdog = pipeline.function('watchdog');
    this.#alarm('WatchdogSilent', watchdog.metricInvocations({ period: HOUR, statistic: Stats.SUM }), {
      text: 'the watchdog did not run: missed backups go unnoticed',
      below: 1,
      missing: TreatMissingData.BREACHING,
    });
    this.#alarm('WatchdogFailed', watchdog.metricErrors({ period: HOUR }), { text: 'the watchdog failed' });
  }

  #watchDeadLetters(pipeline: BackupPipeline): void {
    const queues = {
      Schedules: pipeline.schedules.deadLetterQueue,
      ...Object.fromEntries(FUNCTION_NAMES.map((job) => [job, pipeline.job(job).deadLetterQueue] as const)),
      ...(pipeline.lock ? { lock: pipeline.lock.deadLetterQueue } : {}),
    };
    for (const [name, queue] of Object.entries(queues))
      this.#alarm(
        `DeadLetters-${name}`,
        queue.metricApproximateNumberOfMessagesVisible({ statistic: Stats.MAXIMUM }),
        {
          text: `${name}: something could not be started, or failed, and lies in ${queue.queueName}`,
        },
      );
  }

  #watchApi(api: AdminApi): void {
    this.#alarm('ApiFailing', api.httpApi.metricServerError({ period: HOUR, statistic: Stats.SUM }), {
      text: 'the admin API answers with statuses of 500 and more',
    });
    for (const name of API_FUNCTION_NAMES)
      this.#alarm(`ApiFailed-${name}`, api.job(name).function.metricErrors({ period: HOUR }), {
        text: `the function ${name} of the admin API failed`,
      });
  }

  /** CloudTrail tells of the key's scheduled deletion at once; there are 30 days to cancel it. */
  #watchKey({ key }: BackupStorage): void {
    const rule = new Rule(this, 'KeyRule', {
      description: 'Holdfast: the key of all backups is to be deleted or disabled',
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
            `The key ${key.keyArn} is to be deleted or was disabled. Every backup is lost with it. Cancel at once: aws kms cancel-key-deletion, aws kms enable-key`,
          ),
        }),
      ],
    });
    const matched = new Metric({
      namespace: 'AWS/Events',
      metricName: 'MatchedEvents',
      dimensionsMap: { RuleName: rule.ruleName },
      statistic: Stats.SUM,
      period: Duration.minutes(5),
    });
    this.#alarm('KeyDeletion', matched, { text: 'the key of all backups is to be deleted, or was disabled' });
  }

  #alarm(id: string, metric: IMetric, { text, above = 0, below, missing }: AlarmOptions): void {
    const alarm = new Alarm(this, id, {
      alarmDescription: `Holdfast: ${text}. See docs/operations.md, "On AWS".`,
      metric,
      threshold: below ?? above,
      comparisonOperator:
        below === undefined
          ? ComparisonOperator.GREATER_THAN_THRESHOLD
          : ComparisonOperator.LESS_THAN_THRESHOLD,
      evaluationPeriods: 1,
      treatMissingData: missing ?? TreatMissingData.NOT_BREACHING,
    });
    alarm.addAlarmAction(new SnsAction(this.alertTopic));
    this.#alarms.push(alarm);
  }
}

interface AlarmOptions {
  readonly text: string;
  /** @default 0 */
  readonly above?: number;
  readonly below?: number;
  /** @default TreatMissingData.NOT_BREACHING */
  readonly missing?: TreatMissingData;
}

/** Naming a policy replaces the topic's own, which would let the account's alarms publish. */
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
