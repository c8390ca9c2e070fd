import { Names, Stack } from 'aws-cdk-lib';
import type { Construct } from 'constructs';

/**
 * A name for a resource whose names an account shares across regions: two deployments of the same name never
 * collide.
 */
export function regionalName(construct: Construct, maxLength = 64): string {
  const { region } = Stack.of(construct);
  // The longest name of a region: ap-southeast-1.
  return `${Names.uniqueResourceName(construct, { maxLength: maxLength - 16 })}-${region}`;
}
