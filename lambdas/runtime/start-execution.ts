import { ExecutionAlreadyExists, SFNClient, StartExecutionCommand } from '@aws-sdk/client-sfn';

/** @param name makes it start only once, however often it is called @returns the execution's ARN */
export async function startExecution(
  stateMachineArn: string,
  name: string,
  input: object,
  abortSignal: AbortSignal,
): Promise<string> {
  const command = new StartExecutionCommand({ stateMachineArn, name, input: JSON.stringify(input) });
  try {
    return (await new SFNClient({}).send(command, { abortSignal })).executionArn ?? '';
  } catch (error) {
    if (!(error instanceof ExecutionAlreadyExists)) throw error;
    return `${stateMachineArn.replace(':stateMachine:', ':execution:')}:${name}`;
  }
}
