import type { ISecurityGroup, SubnetSelection } from 'aws-cdk-lib/aws-ec2';
import type { ContainerDefinition, FargateTaskDefinition, ICluster } from 'aws-cdk-lib/aws-ecs';

/** Where the state machine runs what outlives a function. */
export interface FargateRuntime {
  readonly cluster: ICluster;
  readonly taskDefinition: FargateTaskDefinition;
  readonly container: ContainerDefinition;
  readonly subnets: SubnetSelection;
  readonly securityGroups: ISecurityGroup[];
  readonly assignPublicIp: boolean;
}
