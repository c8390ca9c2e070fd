import { CfnResource, RemovalPolicy } from 'aws-cdk-lib';
import { PolicyStatement } from 'aws-cdk-lib/aws-iam';
import type { IFunction, Function as LambdaFunction } from 'aws-cdk-lib/aws-lambda';
import {
  EcsRunTask,
  type EcsRunTaskProps,
  LambdaInvoke,
  type LambdaInvokeProps,
} from 'aws-cdk-lib/aws-stepfunctions-tasks';
import type { Construct } from 'constructs';

type VersionInvokeProps = Omit<LambdaInvokeProps, 'lambdaFunction'> & {
  readonly lambdaFunction: LambdaFunction;
};

/**
 * Invokes the version of a function that is deployed with the state machine. A running execution keeps its
 * definition, so it ends with the code that it began with, whatever is deployed meanwhile.
 */
export class VersionInvoke extends LambdaInvoke {
  protected override readonly taskPolicies: PolicyStatement[];

  constructor(scope: Construct, id: string, { lambdaFunction, ...props }: VersionInvokeProps) {
    const version = lambdaFunction.currentVersion;
    super(scope, id, { ...props, lambdaFunction: version as IFunction });
    // The version, and its settings for asynchronous calls. What a failed deployment made is removed with it:
    // Lambda publishes no version that equals the one before.
    for (const made of version.node.findAll())
      if (CfnResource.isCfnResource(made)) made.applyRemovalPolicy(RemovalPolicy.RETAIN_ON_UPDATE_OR_DELETE);
    // All versions: executions from before a deployment have the same role.
    this.taskPolicies = [
      new PolicyStatement({
        actions: ['lambda:InvokeFunction'],
        resources: lambdaFunction.resourceArnsForGrantInvoke,
      }),
    ];
  }
}

/** Runs the revision of a task definition that is deployed with the state machine, instead of the newest of its family. */
export class RevisionTask extends EcsRunTask {
  readonly #revision: string;

  constructor(scope: Construct, id: string, props: EcsRunTaskProps) {
    super(scope, id, props);
    this.#revision = props.taskDefinition.taskDefinitionArn;
  }

  override toStateJson(...given: Parameters<EcsRunTask['toStateJson']>): object {
    const state = super.toStateJson(...given) as { readonly Parameters: object };
    return { ...state, Parameters: { ...state.Parameters, TaskDefinition: this.#revision } };
  }
}
