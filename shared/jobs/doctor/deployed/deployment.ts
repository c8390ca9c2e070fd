import { type FunctionConfiguration, LambdaClient, paginateListFunctions } from '@aws-sdk/client-lambda';
import { type ResolvedConfig, resolveConfig } from '../../../config/config.ts';
import { HoldfastError } from '../../../core/errors.ts';
import type { Env } from '../../source/adapters.ts';
import { EXAMINED_JOBS } from '../examined-jobs.ts';
import { fromAwsError } from './aws-errors.ts';

/** CloudFormation begins the names of what it makes with the stack's name, and may shorten it. */
const SURE_CHARS = 20;

/** One of its functions. */
export interface DeployedJob {
  readonly job: string;
  /** Of the Lambda function. */
  readonly name: string;
  /** The source that it alone is for, if there is one such function for each. */
  readonly source: string | undefined;
}

/** A deployment, as its functions know it. */
export interface Deployment {
  readonly stack: string;
  readonly region: string | undefined;
  readonly functions: readonly DeployedJob[];
  /** The configuration that the functions read. */
  readonly config: ResolvedConfig;
  /** Undefined if schedules are off. */
  readonly scheduleGroup: string | undefined;
}

/**
 * Finds the functions of a deployment by the prefix of its stacks' names.
 *
 * @param env of the caller: endpoints of stores and the like
 * @throws E_DEPLOYMENT, E_CONFIG, E_ABORTED
 */
export async function findDeployment(
  stack: string,
  {
    region,
    env,
    signal,
  }: { readonly region: string | undefined; readonly env: Env; readonly signal: AbortSignal },
): Promise<Deployment> {
  const found = await listFunctions(stack, region, signal);
  const [plan, ...others] = found.filter(({ job }) => job === 'plan');
  if (!plan)
    throw new HoldfastError('E_DEPLOYMENT', `there are no functions of a deployment ${stack}`, {
      hint: "Give the prefix of its stacks' names (aws.stackName, Holdfast by default), and check region and account (AWS_REGION, AWS_PROFILE).",
    });
  if (others.length > 0)
    throw new HoldfastError(
      'E_DEPLOYMENT',
      `${others.length + 1} deployments have names that begin with ${stack}: ${[plan, ...others].map(({ name }) => name).join(', ')}`,
      { hint: 'Give more of the name.' },
    );
  const watchdog = found.find(({ job }) => job === 'watchdog');
  return {
    stack,
    region,
    functions: found.map(({ job, name, variables }) => ({ job, name, source: sourceOf(job, variables) })),
    config: configOf(plan.variables, env),
    scheduleGroup: watchdog?.variables['HOLDFAST_SCHEDULE_GROUP'],
  };
}

interface Found {
  readonly name: string;
  readonly job: string;
  readonly variables: Readonly<Record<string, string>>;
}

async function listFunctions(
  stack: string,
  region: string | undefined,
  signal: AbortSignal,
): Promise<Found[]> {
  const client = new LambdaClient(region === undefined ? {} : { region });
  const found: Found[] = [];
  try {
    for await (const { Functions = [] } of paginateListFunctions({ client }, {}, { abortSignal: signal }))
      found.push(...Functions.flatMap((one) => foundOf(one, stack)));
    return found;
  } catch (error) {
    throw fromAwsError(error, { what: 'the functions', action: 'lambda:ListFunctions', signal });
  } finally {
    client.destroy();
  }
}

function foundOf({ FunctionName: name = '', Environment }: FunctionConfiguration, stack: string): Found[] {
  const variables = Environment?.Variables ?? {};
  const job = EXAMINED_JOBS.find((known) => known === variables['POWERTOOLS_SERVICE_NAME']);
  const isOurs =
    name.startsWith(stack.slice(0, SURE_CHARS)) && variables['HOLDFAST_REPOSITORY'] !== undefined;
  return job && isOurs ? [{ name, job, variables }] : [];
}

/** Of a poll: the only source of its configuration. */
function sourceOf(job: string, { HOLDFAST_CONFIG: text = '{}' }: Found['variables']): string | undefined {
  return job === 'poll' ? Object.keys(JSON.parse(text).sources ?? {})[0] : undefined;
}

/** @throws E_CONFIG */
function configOf(variables: Readonly<Record<string, string>>, env: Env): ResolvedConfig {
  const { HOLDFAST_CONFIG: text = '{}', HOLDFAST_REPOSITORY, HOLDFAST_KMS_KEY } = variables;
  const { AWS_ENDPOINT_URL, AWS_ENDPOINT_URL_S3, AWS_REGION } = env;
  return resolveConfig({
    file: JSON.parse(text),
    fileName: 'HOLDFAST_CONFIG of the deployment',
    env: { HOLDFAST_REPOSITORY, HOLDFAST_KMS_KEY, AWS_ENDPOINT_URL, AWS_ENDPOINT_URL_S3, AWS_REGION },
    flags: {},
  });
}
