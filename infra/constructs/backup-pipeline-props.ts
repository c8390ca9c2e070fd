import type { ISecurityGroup, IVpc, SubnetSelection } from 'aws-cdk-lib/aws-ec2';
import type { IEventBus } from 'aws-cdk-lib/aws-events';
import type { HoldfastConfig } from '../../shared/config/config.ts';
import type { BackupStorage } from './backup-storage.ts';

/** What functions, state machines and schedules are made of. */
export interface BackupPipelineProps {
  readonly storage: BackupStorage;
  /** The content of `holdfast.config.ts`; docs/reference/configuration.md. */
  readonly config: HoldfastConfig;

  /** @default - functions are in no VPC, and reach only public addresses */
  readonly vpc?: IVpc | undefined;

  /** @default - the VPC's private subnets, else its isolated ones */
  readonly vpcSubnets?: SubnetSelection | undefined;

  /** @default - one of its own, which allows all outgoing and no incoming traffic */
  readonly securityGroups?: ISecurityGroup[] | undefined;

  /** @default - the account's default bus */
  readonly eventBus?: IEventBus | undefined;

  /**
   * Makes the ways out of a VPC without NAT: endpoints for the services that functions and tasks call. Needs
   * `vpc`.
   *
   * @default false
   */
  readonly endpoints?: boolean | undefined;

  /**
   * Whether schedules are on.
   *
   * @default true
   */
  readonly enabled?: boolean | undefined;

  /**
   * Folder with the functions' bundles.
   *
   * @default - the context value `holdfast:bundles`, else the package's own
   */
  readonly bundles?: string | undefined;
}
