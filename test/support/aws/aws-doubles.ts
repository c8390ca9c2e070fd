import { randomBytes } from 'node:crypto';
import { createServer } from 'node:http';
import type { AddressInfo } from 'node:net';
import { answerKms, type KmsRequest } from './kms-double.ts';

interface Input {
  readonly [name: string]: string | undefined;
}

export interface SentEvent {
  readonly source: string;
  readonly type: string;
  readonly detail: Readonly<Record<string, unknown>>;
}

export interface StartedExecution {
  readonly machine: string;
  readonly name: string;
  readonly input: unknown;
}

/** How a task that waits for a token was answered. */
export type TaskAnswer = { readonly output: unknown } | { readonly error: string; readonly cause: string };

export interface AwsDoubles extends AsyncDisposable {
  readonly keyArn: string;
  readonly kms: readonly KmsRequest[];
  readonly events: readonly SentEvent[];
  /** Of state machines, as they were started. */
  readonly executions: readonly StartedExecution[];
  /** State of schedules by `group/name`; others are not there. */
  readonly schedules: Map<string, 'ENABLED' | 'DISABLED'>;
  readonly endpoint: string;
  readonly region: string;
  /** For processes that are to use the doubles of all but KMS. */
  readonly env: Readonly<Record<string, string>>;
  /** @returns its ARN */
  addSecret(name: string, text: string): string;
  /** @returns its ARN */
  addParameter(name: string, text: string): string;
  /** The first answer that came for a token, or comes. */
  task(token: string): Promise<TaskAnswer>;
  /** Tokens of each sign of life that came. */
  readonly beats: readonly string[];
  /** Nobody waits for it any more. */
  endTask(token: string): void;
}

const SERVICES = ['SECRETS_MANAGER', 'SSM', 'EVENTBRIDGE', 'SCHEDULER', 'SFN'];
const PLACE = 'eu-west-1:111122223333';

/**
 * Doubles of ours of what nothing here speaks for AWS: KMS, Secrets Manager, Parameter Store, EventBridge, the callbacks of Step
 * Functions (JSON 1.0 and 1.1) and Scheduler's GetSchedule (REST), over their wire protocol by one server. They check no signatures and
 * no policies.
 */
export async function startAwsDoubles(): Promise<AwsDoubles> {
  const keyArn = `arn:aws:kms:${PLACE}:key/${randomBytes(16).toString('hex')}`;
  const root = randomBytes(32);
  const kms: KmsRequest[] = [];
  const events: SentEvent[] = [];
  const executions: StartedExecution[] = [];
  const schedules = new Map<string, 'ENABLED' | 'DISABLED'>();
  const secrets = new Map<string, string>();
  const tasks = new Map<string, PromiseWithResolvers<TaskAnswer>>();
  const beats: string[] = [];
  const over = new Set<string>();
  const taskOf = (token = '') => {
    const task = tasks.get(token) ?? Promise.withResolvers<TaskAnswer>();
    tasks.set(token, task);
    return task;
  };
  const answers: Readonly<Record<string, (input: Input) => object>> = {
    'secretsmanager.GetSecretValue': ({ SecretId = '' }) =>
      secrets.has(SecretId)
        ? { ARN: SecretId, SecretString: secrets.get(SecretId) }
        : { __type: 'ResourceNotFoundException' },
    'AmazonSSM.GetParameter': ({ Name = '' }) =>
      secrets.has(Name) ? { Parameter: { Name, Value: secrets.get(Name) } } : { __type: 'ParameterNotFound' },
    'AWSEvents.PutEvents': ({ Entries }) => {
      for (const entry of Entries as unknown as readonly Record<string, string>[])
        events.push({
          source: entry['Source'] ?? '',
          type: entry['DetailType'] ?? '',
          detail: JSON.parse(entry['Detail'] ?? '{}'),
        });
      return { FailedEntryCount: 0, Entries: [] };
    },
    'AWSStepFunctions.SendTaskSuccess': ({ taskToken, output = '' }) => {
      if (over.has(taskToken ?? '')) return { __type: 'TaskTimedOut' };
      taskOf(taskToken).resolve({ output: JSON.parse(output) });
      return {};
    },
    'AWSStepFunctions.StartExecution': ({ stateMachineArn = '', name = '', input = '' }) => {
      if (executions.some((one) => one.name === name)) return { __type: 'ExecutionAlreadyExists' };
      executions.push({ machine: stateMachineArn, name, input: JSON.parse(input) });
      const executionArn = `${stateMachineArn.replace(':stateMachine:', ':execution:')}:${name}`;
      return { executionArn, startDate: 0 };
    },
    // None runs here that was started so.
    'AWSStepFunctions.ListExecutions': () => ({ executions: [] }),
    'AWSStepFunctions.SendTaskFailure': ({ taskToken, error = '', cause = '' }) => {
      if (over.has(taskToken ?? '')) return { __type: 'TaskTimedOut' };
      taskOf(taskToken).resolve({ error, cause });
      return {};
    },
    'AWSStepFunctions.SendTaskHeartbeat': ({ taskToken = '' }) => {
      if (over.has(taskToken)) return { __type: 'TaskTimedOut' };
      beats.push(taskToken);
      return {};
    },
  };
  const answer = (target: string, input: Input, job: string | undefined): object => {
    const [service, action = ''] = target.split('.');
    if (service !== 'TrentService')
      return answers[target]?.(input) ?? { __type: 'UnknownOperationException' };
    const request = { action, input, job } as unknown as KmsRequest;
    kms.push(request);
    return answerKms(request, root, keyArn) ?? { __type: 'UnknownOperationException' };
  };
  const server = createServer(async (request, response) => {
    const body = Buffer.concat(await Array.fromAsync(request as AsyncIterable<Buffer>)).toString();
    const { 'x-amz-target': target, 'user-agent': agent = '' } = request.headers;
    const job = / app\/([a-z]+(?:-[a-z]+)*)/.exec(agent)?.[1];
    const given = target
      ? answer(String(target), JSON.parse(body || '{}'), job)
      : scheduleAt(request.url, schedules);
    response.writeHead('__type' in given ? 400 : 200, { 'content-type': 'application/x-amz-json-1.1' });
    response.end(JSON.stringify(given));
  });
  await new Promise<void>((resolve) => server.listen(0, '127.0.0.1', resolve));
  const endpoint = `http://127.0.0.1:${(server.address() as AddressInfo).port}`;
  const addAs = (arn: string, name: string, text: string) => {
    secrets.set(name, text);
    return arn;
  };
  return {
    keyArn,
    kms,
    events,
    executions,
    schedules,
    endpoint,
    region: 'eu-west-1',
    env: Object.fromEntries(SERVICES.map((name) => [`AWS_ENDPOINT_URL_${name}`, endpoint])),
    addSecret: (name, text) => {
      const arn = `arn:aws:secretsmanager:${PLACE}:secret:${name}`;
      return addAs(arn, arn, text);
    },
    // An ARN does not say whether the name has a slash before it.
    addParameter: (name, text) =>
      addAs(`arn:aws:ssm:${PLACE}:parameter/${name.replace(/^\//, '')}`, name, text),
    task: (token) => taskOf(token).promise,
    beats,
    endTask: (token) => over.add(token),
    [Symbol.asyncDispose]: async () => {
      server.closeAllConnections();
      server.close();
    },
  };
}

/** `/schedules/NAME?groupName=GROUP` */
function scheduleAt(url = '', schedules: ReadonlyMap<string, string>): object {
  const { pathname, searchParams } = new URL(url, 'http://scheduler');
  const [, name] = /^\/schedules\/([^/]+)$/.exec(pathname) ?? [];
  const State = schedules.get(`${searchParams.get('groupName')}/${name}`);
  // Made just now, as far as anybody can tell.
  return State
    ? { Name: name, State, CreationDate: Math.floor(Date.now() / 1000) }
    : { __type: 'ResourceNotFoundException' };
}
