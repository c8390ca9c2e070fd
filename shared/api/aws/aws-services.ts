import { createHash } from 'node:crypto';
import { InvokeCommand, LambdaClient } from '@aws-sdk/client-lambda';
import {
  DescribeExecutionCommand,
  DescribeMapRunCommand,
  ListExecutionsCommand,
  ListMapRunsCommand,
  SFNClient,
  StartExecutionCommand,
  StopExecutionCommand,
} from '@aws-sdk/client-sfn';
import { ERRORS, type ErrorCode, HoldfastError } from '../../core/errors.ts';

/** Functions that the API may invoke. */
export type ApiFunction = 'drill' | 'restore' | 'export' | 'decide' | 'look' | 'put-back' | 'watchdog';

/** State machines by purpose, each by its ARN without a version or an alias. */
export interface StateMachines {
  readonly backup: string;
  readonly verify: string;
  /** The alias of each that starts executions. @default none: the latest deployment */
  readonly alias?: string | undefined;
}
/** Which of our state machines it is a run of. */
export type ExecutionKind = Exclude<keyof StateMachines, 'alias'>;

/** A run of Step Functions, of a list. */
export interface Execution {
  readonly kind: ExecutionKind;
  readonly name: string;
  /** Of the backup that it makes: 32 hex digits derived from its ARN. */
  readonly run: string;
  readonly status: string;
  readonly startedAt: Date;
  readonly stoppedAt: Date | undefined;
}

/** The same with what went in and came out. */
export interface ExecutionDetail extends Execution {
  readonly input: unknown;
  readonly output: unknown;
  readonly error: string | undefined;
  readonly cause: string | undefined;
  /** Shares of a running backup; undefined before they begin, and at the end. */
  readonly shares: { readonly done: number; readonly total: number } | undefined;
}

/** State machines, and functions, by ARN. */
export class AwsServices {
  readonly #machines: StateMachines;
  readonly #functions: Readonly<Record<ApiFunction, string>>;
  readonly #sfn = new SFNClient({});
  readonly #lambda = new LambdaClient({});

  constructor(machines: StateMachines, functions: Readonly<Record<ApiFunction, string>>) {
    this.#machines = machines;
    this.#functions = functions;
  }

  /** @param name unique for 90 days: nothing starts twice under the same name */
  async start(
    kind: ExecutionKind,
    { name, input, signal }: { readonly name: string; readonly input: object; readonly signal: AbortSignal },
  ): Promise<void> {
    const { alias } = this.#machines;
    const stateMachineArn = this.#machines[kind] + (alias === undefined ? '' : `:${alias}`);
    const command = new StartExecutionCommand({ stateMachineArn, name, input: JSON.stringify(input) });
    await asked(() => this.#sfn.send(command, { abortSignal: signal })).catch((error: unknown) => {
      if ((error as Error).name !== 'ExecutionAlreadyExists') throw error;
    });
  }

  /** Ends an execution at once: none of its states follows, including those that report a failure. */
  async stop(
    kind: ExecutionKind,
    { name, by, signal }: { readonly name: string; readonly by: string; readonly signal: AbortSignal },
  ): Promise<void> {
    const executionArn = this.#executionArn(kind, name);
    const command = new StopExecutionCommand({
      executionArn,
      error: 'E_ABORTED',
      cause: `cancelled by ${by}`,
    });
    await asked(() => this.#sfn.send(command, { abortSignal: signal }));
  }

  /**
   * The run under which the parts of an execution leave documents for each other. `lambdas/plan` computes it
   * in the same way.
   */
  plannedRun(kind: ExecutionKind, name: string): string {
    return createHash('sha256').update(this.#executionArn(kind, name)).digest('hex').slice(0, 32);
  }

  /** Of backups, newest first. */
  async executions(most: number, signal: AbortSignal): Promise<Execution[]> {
    const command = new ListExecutionsCommand({ stateMachineArn: this.#machines.backup, maxResults: most });
    const { executions = [] } = await asked(() => this.#sfn.send(command, { abortSignal: signal }));
    return executions.map((found) => executionOf('backup', found, found.executionArn));
  }

  /** Undefined if there is none of that name. */
  async execution(name: string, signal: AbortSignal): Promise<ExecutionDetail | undefined> {
    return (await this.#describe('backup', name, signal)) ?? this.#describe('verify', name, signal);
  }

  async #describe(
    kind: ExecutionKind,
    name: string,
    signal: AbortSignal,
  ): Promise<ExecutionDetail | undefined> {
    const executionArn = this.#executionArn(kind, name);
    try {
      const command = new DescribeExecutionCommand({ executionArn });
      const found = await this.#sfn.send(command, { abortSignal: signal });
      const { input, output, error, cause, status } = found;
      const shares = status === 'RUNNING' ? await this.#shares(executionArn, signal) : undefined;
      return {
        ...executionOf(kind, found, executionArn),
        input: parsed(input),
        output: parsed(output),
        error,
        cause,
        shares,
      };
    } catch (problem) {
      if ((problem as Error).name === 'ExecutionDoesNotExist' || (problem as Error).name === 'InvalidArn')
        return undefined;
      throw explain(problem);
    }
  }

  #executionArn(kind: ExecutionKind, name: string): string {
    return `${this.#machines[kind].replace(':stateMachine:', ':execution:')}:${name}`;
  }

  async #shares(executionArn: string, abortSignal: AbortSignal): Promise<ExecutionDetail['shares']> {
    const { mapRuns = [] } = await this.#sfn.send(new ListMapRunsCommand({ executionArn }), { abortSignal });
    // Besides these, a backup has a map of what it verifies.
    const partitions = mapRuns.find(({ stateMachineArn }) => stateMachineArn?.endsWith('/Partitions'));
    if (!partitions) return undefined;
    const { mapRunArn } = partitions;
    const { itemCounts } = await this.#sfn.send(new DescribeMapRunCommand({ mapRunArn }), { abortSignal });
    return itemCounts && { done: itemCounts.succeeded ?? 0, total: itemCounts.total ?? 0 };
  }

  /** A function's answer. @throws the function's error, by its code */
  async call(name: ApiFunction, event: object, signal: AbortSignal): Promise<unknown> {
    const { FunctionError, Payload } = await this.#invoke(name, event, 'RequestResponse', signal);
    const answer = parsed(Payload && Buffer.from(Payload).toString());
    if (FunctionError === undefined) return answer;
    const { errorType, errorMessage } = (answer ?? {}) as {
      readonly errorType?: string;
      readonly errorMessage?: string;
    };
    const isKnown = errorType !== undefined && Object.hasOwn(ERRORS, errorType);
    throw new HoldfastError(
      isKnown ? (errorType as ErrorCode) : 'E_INTERNAL',
      errorMessage ?? `${name} failed`,
    );
  }

  /** Starts a function and returns its run id: 32 hex digits, which it writes into its own reports. */
  async begin(name: ApiFunction, event: object, signal: AbortSignal): Promise<string> {
    const { $metadata } = await this.#invoke(name, event, 'Event', signal);
    return ($metadata.requestId ?? '').replaceAll('-', '').toLowerCase();
  }

  #invoke(
    name: ApiFunction,
    event: object,
    InvocationType: 'Event' | 'RequestResponse',
    signal: AbortSignal,
  ) {
    const command = new InvokeCommand({
      FunctionName: this.#functions[name],
      InvocationType,
      Payload: Buffer.from(JSON.stringify(event)),
    });
    return asked(() => this.#lambda.send(command, { abortSignal: signal }));
  }
}

function executionOf(
  kind: ExecutionKind,
  found: {
    readonly name?: string | undefined;
    readonly status?: string | undefined;
    readonly startDate?: Date | undefined;
    readonly stopDate?: Date | undefined;
  },
  arn = '',
): Execution {
  const { name = '', status = '', startDate = new Date(0), stopDate } = found;
  const run = createHash('sha256').update(arn).digest('hex').slice(0, 32);
  return { kind, name, run, status, startedAt: startDate, stoppedAt: stopDate };
}

function parsed(text: string | undefined): unknown {
  return text === undefined || text === '' ? undefined : JSON.parse(text);
}

async function asked<T>(ask: () => Promise<T>): Promise<T> {
  try {
    return await ask();
  } catch (error) {
    throw explain(error);
  }
}

/** Unknown errors stay unchanged: their messages may say more than a caller should know. */
function explain(error: unknown): unknown {
  const { name = '' } = error as Error;
  if (!/Throttl|TooManyRequests|ExecutionLimitExceeded/.test(name)) return error;
  return new HoldfastError('E_BUSY', 'as much is running on AWS as is allowed at once', {
    cause: error,
    hint: 'Try again in a minute.',
  });
}
