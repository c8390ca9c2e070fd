import { RemovalPolicy, Stack } from 'aws-cdk-lib';
import type { ISecurityGroup, IVpc, SubnetSelection } from 'aws-cdk-lib/aws-ec2';
import { DockerImageAsset, Platform } from 'aws-cdk-lib/aws-ecr-assets';
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
import { type PolicyStatement, Role, ServicePrincipal } from 'aws-cdk-lib/aws-iam';
import { LogGroup, type RetentionDays } from 'aws-cdk-lib/aws-logs';
import { Construct } from 'constructs';
import type { FunctionName } from '../../shared/config/aws.ts';

/** Jobs that may take longer than a function can run. */
export const TASK_JOBS = [
  'hold',
  'backup-partition',
  'restore',
  'drill',
  'verify',
] as const satisfies FunctionName[];
/** A job that can be a task of Fargate. */
export type TaskJob = (typeof TASK_JOBS)[number];

/** One job as a task, with a role of its own. */
export interface JobTask {
  readonly taskDefinition: FargateTaskDefinition;
  readonly container: ContainerDefinition;
}

/** Where state machines run what would outlive a function. */
export interface FargateRuntime {
  readonly cluster: ICluster;
  readonly subnets: SubnetSelection;
  readonly securityGroups: ISecurityGroup[];
  readonly assignPublicIp: boolean;
  task(job: TaskJob): JobTask;
}

/** Where tasks run, and how large they are. */
export interface FargateTasksProps {
  readonly vpc: IVpc;
  readonly vpcSubnets: SubnetSelection;
  readonly securityGroups: ISecurityGroup[];
  /** 1024 is one processor. */
  readonly cpu: number;
  readonly memoryMiB: number;
  /** Folder with the Dockerfile and what it copies. */
  readonly image: string;
  readonly environment: (job: TaskJob) => Readonly<Record<string, string>>;
  /** Everything that a job may do, besides writing its log. */
  readonly statements: (job: TaskJob) => readonly PolicyStatement[];
  readonly logRetention: RetentionDays;
}

const CONTAINER = 'holdfast';

/** The same code as the functions', as tasks that may take hours: one per job, with that job's rights. */
export class FargateTasks extends Construct implements FargateRuntime {
  readonly cluster: ICluster;
  readonly subnets: SubnetSelection;
  readonly securityGroups: ISecurityGroup[];
  readonly assignPublicIp = false;
  readonly #vpc: IVpc;
  readonly #tasks: Readonly<Record<TaskJob, JobTask>>;

  constructor(scope: Construct, id: string, props: FargateTasksProps) {
    super(scope, id);
    this.#vpc = props.vpc;
    this.subnets = props.vpcSubnets;
    this.securityGroups = props.securityGroups;
    this.cluster = new Cluster(this, 'Cluster', {
      vpc: props.vpc,
      containerInsightsV2: ContainerInsights.DISABLED,
    }) as ICluster;
    this.#tasks = this.#makeTasks(props);
  }

  task(job: TaskJob): JobTask {
    return this.#tasks[job];
  }

  /** A command line that starts a job's task without waiting for it. */
  commandOf(job: TaskJob, event: object): string {
    const { subnetIds } = this.#vpc.selectSubnets(this.subnets);
    const groups = this.securityGroups.map(({ securityGroupId }) => securityGroupId);
    const environment = [{ name: 'HOLDFAST_EVENT', value: JSON.stringify(event) }];
    const overrides = JSON.stringify({ containerOverrides: [{ name: CONTAINER, environment }] });
    return [
      `aws ecs run-task --region ${Stack.of(this).region} --cluster ${this.cluster.clusterArn}`,
      `--launch-type FARGATE --task-definition ${this.task(job).taskDefinition.taskDefinitionArn}`,
      `--network-configuration 'awsvpcConfiguration={subnets=[${subnetIds.join(',')}],securityGroups=[${groups.join(',')}],assignPublicIp=DISABLED}'`,
      `--overrides '${overrides}'`,
    ].join(' ');
  }

  #makeTasks({ image, logRetention, ...props }: FargateTasksProps): Readonly<Record<TaskJob, JobTask>> {
    const asset = new DockerImageAsset(this, 'Image', { directory: image, platform: Platform.LINUX_ARM64 });
    const executionRole = new Role(this, 'ExecutionRole', {
      assumedBy: new ServicePrincipal('ecs-tasks.amazonaws.com'),
      description: 'Holdfast: fetches the image of tasks, and writes their log',
    });
    const logGroup = new LogGroup(this, 'Log', {
      retention: logRetention,
      removalPolicy: RemovalPolicy.DESTROY,
    });
    const made = TASK_JOBS.map((job) => {
      const taskDefinition = new FargateTaskDefinition(this, job, {
        cpu: props.cpu,
        memoryLimitMiB: props.memoryMiB,
        executionRole,
        runtimePlatform: {
          cpuArchitecture: CpuArchitecture.ARM64,
          operatingSystemFamily: OperatingSystemFamily.LINUX,
        },
      });
      // Executions from before a deployment use the revision that they began with; a deregistered revision
      // starts no task.
      taskDefinition.applyRemovalPolicy(RemovalPolicy.RETAIN_ON_UPDATE_OR_DELETE);
      for (const statement of props.statements(job)) taskDefinition.addToTaskRolePolicy(statement);
      const container = taskDefinition.addContainer(CONTAINER, {
        image: ContainerImage.fromDockerImageAsset(asset),
        command: [job],
        environment: { ...props.environment(job) },
        logging: LogDriver.awsLogs({ streamPrefix: job, logGroup }),
        readonlyRootFilesystem: true,
      });
      return [job, { taskDefinition, container }] as const;
    });
    return Object.fromEntries(made) as Record<TaskJob, JobTask>;
  }
}
