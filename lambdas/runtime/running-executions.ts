import { ExecutionStatus, ListExecutionsCommand, SFNClient } from '@aws-sdk/client-sfn';

/** Whether a state machine has an execution that runs now. @throws Step Functions' error */
export async function isRunning(stateMachineArn: string, abortSignal: AbortSignal): Promise<boolean> {
  const command = new ListExecutionsCommand({
    stateMachineArn,
    statusFilter: ExecutionStatus.RUNNING,
    maxResults: 1,
  });
  const { executions = [] } = await new SFNClient({}).send(command, { abortSignal });
  return executions.length > 0;
}
