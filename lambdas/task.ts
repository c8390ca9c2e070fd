import { randomUUID } from 'node:crypto';
import { totalmem } from 'node:os';
import { FUNCTION_NAMES, type FunctionName } from '../shared/config/aws.ts';
import { ERRORS, HoldfastError } from '../shared/core/errors.ts';
import { HOUR_MS, MINUTE_MS, MiB } from '../shared/core/units.ts';
import { callBack, callBackFailed, keepBeating } from './runtime/callback.ts';
import { stopWork } from './runtime/deadline.ts';
import type { FunctionContext } from './runtime/function.ts';
import { toFunctionError } from './runtime/function-error.ts';
import { logger } from './runtime/telemetry.ts';

type Handler = (event: unknown, context: FunctionContext) => Promise<unknown>;

const HANDLERS: Readonly<Record<FunctionName, () => Promise<{ readonly handler: Handler }>>> = {
  plan: () => import('./plan/handler.ts'),
  hold: () => import('./hold/handler.ts'),
  'backup-partition': () => import('./backup-partition/handler.ts'),
  commit: () => import('./commit/handler.ts'),
  verify: () => import('./verify/handler.ts'),
  restore: () => import('./restore/handler.ts'),
  export: () => import('./export/handler.ts'),
  prune: () => import('./prune/handler.ts'),
  drill: () => import('./drill/handler.ts'),
  watchdog: () => import('./watchdog/handler.ts'),
};
/** It calls back by itself: once it has planned; then it goes on. */
const CALLS_BACK: FunctionName = 'hold';
/** The state machine waits somewhat longer for a task. */
const DEFAULT_LIMIT_MINUTES = 12 * (HOUR_MS / MINUTE_MS);

/**
 * One function as a container's program, for work that would outlive a Lambda: `node index.mjs NAME`, with
 * the event in HOLDFAST_EVENT. SIGTERM ends the work cleanly. Exits with 0, or with the command line's status
 * for the same error.
 */
async function main([name = ''] = process.argv.slice(2)): Promise<number> {
  process.once('SIGTERM', () => {
    logger.warn('the task is told to stop');
    stopWork();
  });
  try {
    const result = await answered(name, process.env);
    logger.info('done', { result: result as object });
    return 0;
  } catch (error) {
    const { name: code, message } = toFunctionError(error);
    logger.error(message, { code });
    return ERRORS[code].exitStatus;
  }
}

/**
 * Reports to whatever waits for the task how it ended: its answer, or its code and message; and while it
 * works, that it lives.
 */
async function answered(name: string, env: NodeJS.ProcessEnv): Promise<unknown> {
  const taskToken = name === CALLS_BACK ? undefined : env['HOLDFAST_TASK_TOKEN'];
  if (!taskToken) return work(name, env);
  try {
    using _ = await keepBeating(taskToken, stopWork);
    const result = await work(name, env);
    await callBack(taskToken, result as object);
    return result;
  } catch (error) {
    await callBackFailed(taskToken, error);
    throw error;
  }
}

async function work(name: string, env: NodeJS.ProcessEnv): Promise<unknown> {
  const { handler } = await handlerOf(name);
  return handler(eventOf(name, env), contextOf(name, env));
}

function handlerOf(name: string) {
  if (Object.hasOwn(HANDLERS, name)) return HANDLERS[name as FunctionName]();
  throw new HoldfastError(
    'E_USAGE',
    `'${name}' is not a function; the command is one of ${FUNCTION_NAMES.join(', ')}`,
  );
}

function eventOf(name: string, env: NodeJS.ProcessEnv): unknown {
  try {
    const event: unknown = JSON.parse(env['HOLDFAST_EVENT'] || '{}');
    const taskToken = env['HOLDFAST_TASK_TOKEN'];
    return taskToken && name === CALLS_BACK && typeof event === 'object' ? { ...event, taskToken } : event;
  } catch (cause) {
    throw new HoldfastError('E_USAGE', 'HOLDFAST_EVENT is not JSON', { cause });
  }
}

function contextOf(name: string, env: NodeJS.ProcessEnv): FunctionContext {
  const limitMs = Number(env['HOLDFAST_TASK_MINUTES'] || DEFAULT_LIMIT_MINUTES) * MINUTE_MS;
  const until = performance.now() + limitMs;
  return {
    getRemainingTimeInMillis: () => Math.max(0, until - performance.now()),
    // Without a limit of its own, a process sees one that no machine has.
    memoryLimitInMB: String(Math.round(Math.min(process.constrainedMemory(), totalmem()) / MiB)),
    functionName: `${name} (task)`,
    // The id of the function that handed over its work.
    awsRequestId: env['HOLDFAST_RUN'] || randomUUID(),
    isTask: true,
  };
}

process.exitCode = await main();
