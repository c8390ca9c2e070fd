import { Fn, Names, RemovalPolicy, Stack } from 'aws-cdk-lib';
import { LogGroup, RetentionDays } from 'aws-cdk-lib/aws-logs';
import type { Construct } from 'constructs';

/** Where a service of AWS writes its log. */
export interface DeliveredLogOptions {
  /** The service whose log it is, in the name of the group. */
  readonly service: 'states' | 'apigateway';

  /** @default RetentionDays.THREE_MONTHS */
  readonly retention?: RetentionDays | undefined;
}

/**
 * A log group that an AWS service delivers to. Below `/aws/vendedlogs/` all groups share one line of the
 * account's log policy; elsewhere each adds its own, until its 5,120 characters are full and deployments
 * fail.
 */
export function deliveredLog(
  scope: Construct,
  id: string,
  { service, retention }: DeliveredLogOptions,
): LogGroup {
  // The stack's own id, so that a recreated stack never meets a group of the old one.
  const uuid = Fn.select(2, Fn.split('/', Stack.of(scope).stackId));
  const name = Names.uniqueResourceName(scope, { maxLength: 120, separator: '-' });
  return new LogGroup(scope, id, {
    logGroupName: `/aws/vendedlogs/${service}/${name}-${Fn.select(0, Fn.split('-', uuid))}`,
    retention: retention ?? RetentionDays.THREE_MONTHS,
    removalPolicy: RemovalPolicy.DESTROY,
  });
}
