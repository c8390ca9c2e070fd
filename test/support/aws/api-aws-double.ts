import { createServer, type Server } from 'node:http';
import type { AddressInfo } from 'node:net';
import { handler as decide } from '../../../lambdas/decide/handler.ts';
import { handler as look } from '../../../lambdas/look/handler.ts';

export const ACCOUNT = '123456789012';
export const machine = (name: string) => `arn:aws:states:eu-west-1:${ACCOUNT}:stateMachine:${name}`;

/**
 * A double of ours of what the API asks of Step Functions and Lambda: it keeps executions, runs the functions `decide`
 * and `look` for real, and answers for the others.
 */
export async function startAwsDouble() {
  const asked: { readonly name: string; readonly event: Record<string, unknown> }[] = [];
  const executions = new Map<string, string>();
  const machines = new Map<string, string>();
  const stopped = new Map<string, string>();
  const started = Date.UTC(2026, 10, 26) / 1000;
  const states: Record<string, (input: Record<string, string>) => object> = {
    StartExecution: ({ stateMachineArn = '', name = '', input = '' }) => {
      // As Step Functions: a name is good for one execution, unless the same is asked for while it runs.
      if (executions.has(name)) throw new Error('ExecutionAlreadyExists');
      executions.set(name, input);
      machines.set(name, stateMachineArn);
      return { executionArn: name, startDate: started };
    },
    StopExecution: ({ executionArn = '', cause = '' }) => {
      stopped.set(executionArn.split(':').at(-1) ?? '', cause);
      return { stopDate: started + 5 };
    },
    GetSecretValue: () => ({ SecretString: 'a secret of more than thirty-two characters' }),
    ListExecutions: () => ({
      executions: [...executions.keys()].map((name) => ({ name, status: 'RUNNING', startDate: started })),
    }),
    ListMapRuns: ({ executionArn = '' }) => ({
      mapRuns: [
        {
          executionArn,
          mapRunArn: `${executionArn}/Parts:2`,
          stateMachineArn: 'x/Parts',
          startDate: started,
        },
        {
          executionArn,
          mapRunArn: `${executionArn}/Partitions:1`,
          stateMachineArn: 'x/Partitions',
          startDate: started,
        },
      ],
    }),
    DescribeMapRun: ({ mapRunArn = '' }) => ({
      mapRunArn,
      status: 'RUNNING',
      itemCounts: mapRunArn.includes('/Partitions:')
        ? { total: 8, succeeded: 3, running: 5 }
        : { total: 99, succeeded: 0, running: 9 },
    }),
    DescribeExecution: ({ executionArn = '' }) => {
      const [machineName = '', name = ''] = executionArn.split(':').slice(-2);
      if (machines.get(name) !== `${machine(machineName)}:live`) throw new Error('ExecutionDoesNotExist');
      if (stopped.has(name))
        return { name, status: 'ABORTED', error: 'E_ABORTED', cause: stopped.get(name), startDate: started };
      if (String(executions.get(name)).includes('weekly'))
        return { name, status: 'RUNNING', startDate: started };
      const output =
        machineName === 'Backup' ? JSON.stringify({ commit: { key: 'backups/x', records: 2 } }) : '{}';
      return {
        name,
        status: 'SUCCEEDED',
        startDate: started,
        stopDate: started + 9,
        input: executions.get(name),
        output,
      };
    },
  };
  const invoke = async (name: string, event: Record<string, unknown>): Promise<unknown> => {
    asked.push({ name, event });
    const context = {
      getRemainingTimeInMillis: () => 60_000,
      memoryLimitInMB: '512',
      functionName: name,
      awsRequestId: 'aaaaaaaa-0000-0000-0000-000000000001',
    };
    if (name === 'decide') return decide(event, context);
    if (name === 'look') return look(event, context);
    return {
      key: event['backup'],
      target: 'postgres://db/scratch',
      datasets: [{ name: 'orders', records: 2, plainBytes: 4 }],
      steps: ['one'],
      conflicts: [],
      drops: [],
      warnings: [],
    };
  };
  const server: Server = createServer(async (request, response) => {
    const parts: Buffer[] = [];
    for await (const part of request) parts.push(part as Buffer);
    const body = JSON.parse(Buffer.concat(parts).toString() || '{}');
    const operation = request.headers['x-amz-target']?.toString().split('.')[1];
    const name =
      decodeURIComponent(/functions\/(.+)\/invocations/.exec(request.url ?? '')?.[1] ?? '')
        .split(':')
        .at(-1) ?? '';
    response.setHeader('x-amzn-requestid', 'aaaaaaaa-0000-0000-0000-000000000001');
    try {
      if (operation) return response.end(JSON.stringify(states[operation]!(body)));
      if (request.headers['x-amz-invocation-type'] === 'Event') {
        asked.push({ name, event: body });
        response.statusCode = 202;
        return response.end();
      }
      return response.end(JSON.stringify(await invoke(name, body)));
    } catch (error) {
      const { name: errorType, message } = error as Error;
      if (operation) {
        response.statusCode = 400;
        return response.end(JSON.stringify({ __type: message }));
      }
      response.setHeader('x-amz-function-error', 'Unhandled');
      return response.end(JSON.stringify({ errorType, errorMessage: message }));
    }
  });
  await new Promise<void>((resolve) => server.listen(0, '127.0.0.1', resolve));
  const { port } = server.address() as AddressInfo;
  return {
    url: `http://127.0.0.1:${port}`,
    asked,
    executions,
    stop: () => new Promise((resolve) => server.close(resolve)),
  };
}
