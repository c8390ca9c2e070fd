import {
  Connections,
  GatewayVpcEndpoint,
  GatewayVpcEndpointAwsService,
  InterfaceVpcEndpoint,
  InterfaceVpcEndpointAwsService,
  Port,
  SecurityGroup,
} from 'aws-cdk-lib/aws-ec2';
import { Construct } from 'constructs';
import type { ResolvedConfig } from '../../shared/config/config.ts';
import { pluginNamed } from '../../shared/sources/registry.ts';
import { isParameter, maskSecrets } from './database-logins.ts';
import type { FunctionNetwork } from './job-function.ts';

/**
 * AWS services whose endpoints cost by the hour, by endpoint name. S3's endpoint always exists, and costs
 * nothing.
 */
const SERVICES = {
  kms: InterfaceVpcEndpointAwsService.KMS,
  secretsmanager: InterfaceVpcEndpointAwsService.SECRETS_MANAGER,
  ssm: InterfaceVpcEndpointAwsService.SSM,
  states: InterfaceVpcEndpointAwsService.STEP_FUNCTIONS,
  events: InterfaceVpcEndpointAwsService.EVENTBRIDGE,
  'ecr.api': InterfaceVpcEndpointAwsService.ECR,
  'ecr.dkr': InterfaceVpcEndpointAwsService.ECR_DOCKER,
  logs: InterfaceVpcEndpointAwsService.CLOUDWATCH_LOGS,
};
/** A service of AWS that functions call. */
export type EndpointService = keyof typeof SERVICES;

/** The services that functions and tasks in the VPC call; docs/guide/aws.md has the table. */
export function endpointServices({ sources, targets, drill, aws }: ResolvedConfig): EndpointService[] {
  const drills = Object.values(drill).filter((place) => place !== undefined);
  const secrets = [
    ...[...sources, ...targets, ...drills].flatMap(({ secret }) => secret ?? []),
    ...maskSecrets(sources),
  ];
  const wanted: Readonly<Record<EndpointService, boolean>> = {
    kms: true,
    secretsmanager: secrets.some((arn) => !isParameter(arn)),
    ssm: secrets.some(isParameter),
    // The task that holds a snapshot calls back.
    states: sources.some(({ kind }) => pluginNamed(kind)?.sharesSnapshots) || aws.fargate !== undefined,
    events: targets.length > 0 || drills.length > 0,
    'ecr.api': aws.fargate !== undefined,
    'ecr.dkr': aws.fargate !== undefined,
    logs: aws.fargate !== undefined,
  };
  return (Object.keys(SERVICES) as EndpointService[]).filter((name) => wanted[name]);
}

/** Which endpoints, and in whose network. */
export interface BackupEndpointsProps extends FunctionNetwork {
  readonly services: readonly EndpointService[];
}

/** Ways from a VPC without NAT to the AWS services that backups need. */
export class BackupEndpoints extends Construct {
  constructor(
    scope: Construct,
    id: string,
    { vpc, vpcSubnets, securityGroups, services }: BackupEndpointsProps,
  ) {
    super(scope, id);
    const subnets = vpc.selectSubnets({ ...vpcSubnets, onePerAz: true });
    new GatewayVpcEndpoint(this, 's3', {
      vpc,
      service: GatewayVpcEndpointAwsService.S3,
      subnets: [vpcSubnets],
    });
    const group = new SecurityGroup(this, 'SecurityGroup', {
      vpc,
      description: 'Holdfast: endpoints of AWS services',
      allowAllOutbound: false,
    });
    new Connections({ securityGroups }).allowTo(group, Port.HTTPS);
    for (const name of services)
      new InterfaceVpcEndpoint(this, name, {
        vpc,
        service: SERVICES[name],
        subnets,
        securityGroups: [group],
        privateDnsEnabled: true,
        open: false,
      });
  }
}
