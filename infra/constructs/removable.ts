import { CrossStackReferences, ReferenceStrength } from 'aws-cdk-lib';
import type { IConstruct } from 'constructs';

/**
 * For what a later configuration may leave out. Other stacks read it from the outputs of its stack, as CloudFormation removes no export that
 * another stack imports, and a deployment updates the stack that has it first. The export stays beside the output: a stack that was
 * deployed by an earlier release still imports it.
 */
export function removable(...constructs: readonly IConstruct[]): void {
  for (const construct of constructs) CrossStackReferences.of(construct).produce(ReferenceStrength.BOTH);
}
