import type { Metric } from 'aws-cdk-lib/aws-cloudwatch';
import type { Connections, IConnectable } from 'aws-cdk-lib/aws-ec2';
import type { Grant, IGrantable } from 'aws-cdk-lib/aws-iam';
import type { IBucket } from 'aws-cdk-lib/aws-s3';
import type { ITopic } from 'aws-cdk-lib/aws-sns';
import type { IStateMachine } from 'aws-cdk-lib/aws-stepfunctions';
import { Construct } from 'constructs';
import type { HoldfastConfig } from '../../shared/config/config.ts';
import { AdminApi } from './admin-api.ts';
import { AdminConsole } from './admin-console.ts';
import type { MetricName } from './backup-metrics.ts';
import { BackupMonitoring } from './backup-monitoring.ts';
import { BackupPipeline } from './backup-pipeline.ts';
import { BackupStorage } from './backup-storage.ts';
import type { DatabaseBackupsProps } from './database-backups-props.ts';

/** Scheduled, encrypted, verified and watched backups of databases, in a bucket of their own. */
export class DatabaseBackups extends Construct implements IConnectable {
  readonly storage: BackupStorage;
  readonly pipeline: BackupPipeline;
  /** Present if `api.auth` is set. */
  readonly api: AdminApi | undefined;
  /** Present if `console` is set. */
  readonly console: AdminConsole | undefined;
  readonly monitoring: BackupMonitoring;

  constructor(scope: Construct, id: string, props: DatabaseBackupsProps) {
    super(scope, id);
    this.storage = new BackupStorage(this, 'Storage', props);
    const { bundles } = props;
    const deployed = { storage: this.storage, config: configOf(props), bundles };
    const pipeline = new BackupPipeline(this, 'Pipeline', { ...props, ...deployed });
    this.pipeline = pipeline;
    if (props.api?.auth) this.api = new AdminApi(this, 'Api', { ...deployed, pipeline });
    if (props.console && this.api)
      this.console = new AdminConsole(this, 'Console', { api: this.api, pipeline, bundles });
    this.monitoring = new BackupMonitoring(this, 'Monitoring', {
      ...props,
      storage: this.storage,
      pipeline,
      api: this.api,
    });
  }

  get bucket(): IBucket {
    return this.storage.bucket;
  }

  /**
   * What connects to the databases: `backups.connections.allowToDefaultPort(database)` lets it in, in the
   * same stack or another.
   *
   * @throws if there is no VPC
   */
  get connections(): Connections {
    return this.pipeline.connections;
  }

  /** Receives alarms and alerting events. */
  get alertTopic(): ITopic {
    return this.monitoring.alertTopic;
  }

  /** Start it with `{"source": "…", "type": "manual"}`. */
  get stateMachine(): IStateMachine {
    return this.pipeline.stateMachine;
  }

  /** Lets `grantee` start backups. */
  grantStartBackup(grantee: IGrantable): Grant {
    return this.pipeline.grantStartBackup(grantee);
  }

  /** Lets `grantee` restore into the targets, by invoking the function. */
  grantInvokeRestore(grantee: IGrantable): Grant {
    return this.pipeline.grantInvokeRestore(grantee);
  }

  /**
   * Lets `grantee` send signed requests to the admin API; `api.auth.roles` says what they may do. Only for
   * IAM.
   */
  grantUseApi(grantee: IGrantable): Grant {
    if (this.api) return this.api.grantUse(grantee);
    throw new Error('api.auth is not set: there is no admin API to use');
  }

  /** Lets `grantee` list backups and read their manifests and reports, without the key. */
  grantList(grantee: IGrantable): void {
    this.storage.grantList(grantee);
  }

  /** Lets `grantee` restore with the command line: read everything, and open it. */
  grantRestore(grantee: IGrantable): Grant {
    return this.storage.grantRestore(grantee);
  }

  /** A metric of one source. @default - the largest value of an hour */
  metric(name: MetricName, source: string): Metric {
    return this.monitoring.metric(name, source);
  }

  /** Seconds since the newest good backup of a source began. */
  metricBackupAge(source: string): Metric {
    return this.metric('BackupAge', source);
  }
}

function configOf(props: DatabaseBackupsProps): HoldfastConfig {
  const { sources, targets, drill, schedules, retention, keep, prune, lock, copy, suspects, deltas } = props;
  const { notifications } = props;
  const { jobs, fargate, functionSizes, shareMiB, maxConcurrency, restoreMiB, alarms, vpc, api, signing } =
    props;
  if (fargate && !vpc) throw new Error('fargate is set, but there is no vpc for its tasks');
  return definedOf({
    sources,
    targets,
    drill,
    schedules,
    retention,
    keep,
    prune,
    lock,
    copy,
    notifications,
    suspects,
    deltas,
    signing,
    api,
    aws: definedOf({
      jobs,
      fargate,
      shareMiB,
      maxConcurrency,
      restoreMiB,
      alarms,
      functions: functionSizes,
      api: props.apiThrottle,
      console: props.console,
      // Here the VPC is a construct; its id tells the schema that there is one.
      network: fargate && { vpcId: 'vpc-of-construct', subnetIds: ['subnet-of-construct'] },
    }),
  });
}

function definedOf<T extends object>(given: T): T {
  return Object.fromEntries(Object.entries(given).filter(([, value]) => value !== undefined)) as T;
}
