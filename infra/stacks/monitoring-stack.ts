import { CfnOutput, Stack, type StackProps } from 'aws-cdk-lib';
import type { Construct } from 'constructs';
import { BackupMonitoring, type BackupMonitoringProps } from '../constructs/backup-monitoring.ts';

/** What the stack of alarms is made of. */
export type MonitoringStackProps = StackProps & BackupMonitoringProps;

/** Whatever alerts people. */
export class MonitoringStack extends Stack {
  readonly monitoring: BackupMonitoring;

  constructor(scope: Construct, id: string, props: MonitoringStackProps) {
    super(scope, id, props);
    this.monitoring = new BackupMonitoring(this, 'Monitoring', props);
    new CfnOutput(this, 'AlertTopicArn', { value: this.monitoring.alertTopic.topicArn });
  }
}
