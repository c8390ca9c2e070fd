import type { Stack } from 'aws-cdk-lib';
import { Template } from 'aws-cdk-lib/assertions';
import type { StateMachineDefinition } from 'aws-local-stepfunctions';

const PSEUDO: Readonly<Record<string, string>> = {
  'AWS::Partition': 'aws',
  'AWS::Region': 'eu-west-1',
  'AWS::AccountId': '111122223333',
  'AWS::URLSuffix': 'amazonaws.com',
};

/** A template's value with every intrinsic function replaced by text; what CloudFormation would know becomes an ARN-like name. */
export function resolved(
  value: unknown,
  nameOf: (logicalId: string, attribute?: string) => string = arnOf,
): unknown {
  if (Array.isArray(value)) return value.map((item) => resolved(item, nameOf));
  if (typeof value !== 'object' || value === null) return value;
  const entries = Object.entries(value);
  const [only] = entries;
  if (entries.length === 1 && only) {
    const [name, argument] = only;
    if (name === 'Ref') return PSEUDO[argument as string] ?? nameOf(argument as string);
    if (name === 'Fn::GetAtt') return nameOf(...(argument as [string, string]));
    const elsewhere = outputOf(name, argument);
    if (elsewhere !== undefined) return nameOf(String(resolved(elsewhere, nameOf)));
    if (name === 'Fn::Join') {
      const [separator, parts] = argument as [string, unknown[]];
      return parts.map((part) => String(resolved(part, nameOf))).join(separator);
    }
  }
  return Object.fromEntries(entries.map(([key, inner]) => [key, resolved(inner, nameOf)]));
}

/** The name of an output of another stack. */
function outputOf(name: string, argument: unknown): unknown {
  if (name === 'Fn::ImportValue') return argument;
  return name === 'Fn::GetStackOutput' ? (argument as { readonly OutputName: string }).OutputName : undefined;
}

function arnOf(logicalId: string): string {
  return `arn:aws:lambda:eu-west-1:111122223333:function:${logicalId}`;
}

/** The state machine of backups that a stack synthesises, or its only one, as an interpreter takes it. */
export function stateMachineOf(stack: Stack | Template): StateMachineDefinition {
  const machines = Object.values(stateMachinesOf(stack));
  return (machines.find(({ States }) => 'Plan' in States) ?? machines[0])!;
}

/** All state machines of a stack, by their logical id. */
export function stateMachinesOf(stack: Stack | Template): Readonly<Record<string, StateMachineDefinition>> {
  const template = stack instanceof Template ? stack : Template.fromStack(stack);
  const machines = Object.entries(template.findResources('AWS::StepFunctions::StateMachine'));
  return Object.fromEntries(
    machines.map(([id, machine]) => [
      id,
      JSON.parse(String(resolved(machine['Properties'].DefinitionString))) as StateMachineDefinition,
    ]),
  );
}
