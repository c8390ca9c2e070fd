import { RemovalPolicy } from 'aws-cdk-lib';
import type { ISecurityGroup, IVpc, SubnetSelection } from 'aws-cdk-lib/aws-ec2';
import { Platform } from 'aws-cdk-lib/aws-ecr-assets';
import {
  Cluster,
  type ContainerDefinition,
  ContainerImage,
  ContainerInsights,
  CpuArchitecture,
  FargateTaskDefinition,
  type ICluster,
  LogDriver,
  OperatingSystemFamily,
} from 'aws-cdk-lib/aws-ecs';
import type { PolicyStatement } from 'aws-cdk-lib/aws-iam';
import { LogGroup, type RetentionDays } from 'aws-cdk-lib/aws-logs';
import { Construct } from 'constructs';

/** Where the state machine runs what outlives a function. */
export interface FargateRuntime {
  readonly cluster: ICluster;
  readonly taskDefinition: FargateTaskDefinition;
  readonly container: ContainerDefinition;
  readonly subnets: SubnetSelection;
  readonly securityGroups: ISecurityGroup[];
  readonly assignPublicIp: boolean;
}

export interface FargateTasksProps {
  readonly vpc: IVpc;
  readonly vpcSubnets: SubnetSelection;
  readonly securityGroups: ISecurityGroup[];
  /** 1024 is one processor. */
  readonly cpu: number;
  readonly memoryMiB: number;
  /** Folder with the Dockerfile and what it copies. */
  readonly image: string;
  readonly environment: Readonly<Record<string, string>>;
  readonly statements: readonly PolicyStatement[];
  readonly logRetention: RetentionDays;
}

/** The same code as the functions', as a task that may take hours. */
export class FargateTasks extends Construct implements FargateRuntime {
  readonly cluster: ICluster;
  readonly taskDefinition: FargateTaskDefinition;
  readonly container: ContainerDefinition;
  readonly subnets: SubnetSelection;
  readonly securityGroups: ISecurityGroup[];
  readonly assignPublicIp = false;

  constructor(scope: Construct, id: string, props: FargateTasksProps) {
    super(scope, id);
    this.subnets = props.vpcSubnets;
    this.securityGroups = props.securityGroups;
    this.cluster = new Cluster(this, 'Cluster', {
      vpc: props.vpc,
      containerInsightsV2: ContainerInsights.ENABLED,
    }) as ICluster;
    this.taskDefinition = new FargateTaskDefinition(this, 'Task', {
      cpu: props.cpu,
      memoryLimitMiB: props.memoryMiB,
      runtimePlatform: {
        cpuArchitecture: CpuArchitecture.ARM64,
        operatingSystemFamily: OperatingSystemFamily.LINUX,
      },
    });
    for (const statement of props.statements) this.taskDefinition.addToTaskRolePolicy(statement);
    const logGroup = new LogGroup(this, 'Log', {
      retention: props.logRetention,
      removalPolicy: RemovalPolicy.DESTROY,
    });
    this.container = this.taskDefinition.addContainer('holdfast', {
      image: ContainerImage.fromAsset(props.image, { platform: Platform.LINUX_ARM64 }),
      environment: { ...props.environment },
      logging: LogDriver.awsLogs({ streamPrefix: 'task', logGroup }),
      readonlyRootFilesystem: true,
    });
  }
}
