import { Annotations, CfnOutput, Stack, type StackProps } from 'aws-cdk-lib';
import { type IVpc, SecurityGroup, Subnet, Vpc } from 'aws-cdk-lib/aws-ec2';
import type { Construct } from 'constructs';
import type { HoldfastConfig } from '../../shared/config/config.ts';
import { API_INVOKES } from '../constructs/api-statements.ts';
import { BackupPipeline } from '../constructs/backup-pipeline.ts';
import type { BackupPipelineProps } from '../constructs/backup-pipeline-props.ts';
import type { BackupStorage } from '../constructs/backup-storage.ts';
import type { TaskJob } from '../constructs/fargate-runtime.ts';

/** What the stack of functions is made of. */
export interface PipelineStackProps extends StackProps {
  readonly storage: BackupStorage;
  readonly config: HoldfastConfig;
  readonly enabled: boolean;
  readonly bundles?: string | undefined;
}

/** What makes, checks, restores and removes backups. */
export class PipelineStack extends Stack {
  readonly pipeline: BackupPipeline;

  constructor(
    scope: Construct,
    id: string,
    { storage, config, enabled, bundles, ...props }: PipelineStackProps,
  ) {
    super(scope, id, props);
    const network = networkOf(this, config.aws?.network);
    this.pipeline = new BackupPipeline(this, 'Pipeline', { ...network, storage, config, enabled, bundles });
    this.#exportAlways();
    this.#tellSecurityGroups();
    this.#tellTasks();
    new CfnOutput(this, 'StateMachineArn', { value: this.pipeline.stateMachine.stateMachineArn });
    for (const [type, value] of Object.entries(this.pipeline.schedules.times))
      new CfnOutput(this, backupTimesId(type), { value, description: `When ${type} backups begin` });
    new CfnOutput(this, 'VerificationArn', { value: this.pipeline.verification.stateMachineArn });
    this.#tellCopyRoles();
    new CfnOutput(this, 'RestoreFunctionName', { value: this.pipeline.function('restore').functionName });
  }

  /** Commands to copy; fill in what is in capitals. */
  #tellTasks(): void {
    const { config, schedules } = this.pipeline;
    if (!config.aws.fargate) return;
    const [source = 'SOURCE'] = config.sources.map(({ name }) => name);
    const [to] = config.targets.map(({ name }) => name);
    const [drilled] = schedules.drilled;
    const command = (id: string, job: TaskJob, event: object) =>
      new CfnOutput(this, id, { value: this.pipeline.taskCommand(job, event) });
    command('VerifyTaskCommand', 'verify', { since: '8d' });
    if (to !== undefined)
      command('RestoreTaskCommand', 'restore', { backup: `good:${source}`, to, requestedBy: 'YOU' });
    if (drilled !== undefined) command('DrillTaskCommand', 'drill', { source: drilled, requestedBy: 'YOU' });
  }

  /** The roles that the buckets of second places must let in. */
  #tellCopyRoles(): void {
    const { copies } = this.pipeline;
    if (!copies) return;
    new CfnOutput(this, 'CopyRoleArn', {
      value: copies.job.role.roleArn,
      description: 'Puts into second places',
    });
    new CfnOutput(this, 'WatchdogRoleArn', {
      value: this.pipeline.job('watchdog').role.roleArn,
      description: 'Lists second places',
    });
    new CfnOutput(this, 'CopyStateMachineArn', { value: copies.stateMachine.stateMachineArn });
  }

  /** What the databases' own security groups must let in. */
  #tellSecurityGroups(): void {
    if (!this.pipeline.isInVpc) return;
    const ids = this.pipeline.connections.securityGroups.map(({ securityGroupId }) => securityGroupId);
    new CfnOutput(this, 'SecurityGroupIds', {
      value: ids.join(','),
      description: 'Let these in at the port of each database',
    });
  }

  /**
   * What the API takes from this stack, whether or not there is an API. When the API is removed from the
   * configuration, its stack still imports these, and CloudFormation would refuse to update this one without
   * them.
   */
  #exportAlways(): void {
    const { ofRows, stateMachine, verification } = this.pipeline;
    for (const name of API_INVOKES) this.exportValue(this.pipeline.function(name).functionArn);
    for (const job of Object.values(ofRows)) this.exportValue(job.function.functionArn);
    for (const machine of [stateMachine, verification])
      for (const value of [machine.stateMachineArn, machine.stateMachineName]) this.exportValue(value);
  }
}

type Network = NonNullable<HoldfastConfig['aws']>['network'];

/** By ids only: nothing is looked up, so synthesis needs no account. */
function networkOf(
  scope: Construct,
  network: Network,
): Pick<BackupPipelineProps, 'vpc' | 'vpcSubnets' | 'securityGroups'> {
  if (!network) return {};
  const { vpcId, subnetIds, securityGroupIds } = network;
  // Routes are the VPC's business; nothing here reads them.
  Annotations.of(scope).acknowledgeWarning('@aws-cdk/aws-ec2:noSubnetRouteTableId');
  const vpc: IVpc = Vpc.fromVpcAttributes(scope, 'Vpc', {
    vpcId,
    // Placeholders, one per subnet; nothing that is made here is bound to a zone.
    availabilityZones: subnetIds.map((_, i) => `zone-${i}`),
    privateSubnetIds: [...subnetIds],
  });
  return {
    vpc,
    vpcSubnets: { subnets: subnetIds.map((subnetId) => Subnet.fromSubnetId(scope, subnetId, subnetId)) },
    securityGroups: securityGroupIds?.map((group) => SecurityGroup.fromSecurityGroupId(scope, group, group)),
  };
}

/** Ids of outputs have no dashes: capital letters, which no type has, say that there was one. */
function backupTimesId(type: string): string {
  return `BackupTimes-${type.replaceAll('-', 'Dash')}`;
}
