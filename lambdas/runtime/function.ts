import { injectLambdaContext } from '@aws-lambda-powertools/logger/middleware';
import { parser } from '@aws-lambda-powertools/parser/middleware';
import { captureLambdaHandler } from '@aws-lambda-powertools/tracer/middleware';
import middy from '@middy/core';
import type { Context } from 'aws-lambda';
import type * as z from 'zod';
import type { OnProgress } from '../../shared/core/progress.ts';
import { startDeadline } from './deadline.ts';
import { type DoctorAnswer, type DoctorDuties, DoctorEvent, examineHere, isDoctorEvent } from './doctor.ts';
import { toFunctionError } from './function-error.ts';
import type { Invocation } from './invocation.ts';
import { type OpenedRepository, openConfigured, readSettings } from './settings.ts';
import { logger, tracer } from './telemetry.ts';

/** The context that Lambda, or `task.ts` in its place, gives a function. */
export type FunctionContext = Pick<
  Context,
  'getRemainingTimeInMillis' | 'memoryLimitInMB' | 'functionName' | 'awsRequestId'
> & {
  /** For a task, which may take hours. */
  readonly isTask?: boolean;
};
/** Members of an event that become keys of log lines. */
const LOGGED = ['run', 'source', 'type', 'share', 'backup', 'requestedBy'] as const;

/**
 * A Lambda function around one job: parses the event, logs with its run, source and type, stops the work
 * before time runs out, and fails with the codes of docs/reference/errors.md. For `{"doctor": true}` it
 * checks what its work needs instead.
 */
export function defineFunction<S extends z.ZodType, R>(
  schema: S,
  job: (event: z.infer<S>, invocation: Invocation) => Promise<R>,
  duties: DoctorDuties = {},
): (event: unknown, context: FunctionContext) => Promise<R | DoctorAnswer> {
  const work = functionOf(schema, job);
  const doctor = functionOf(DoctorEvent, (_, invocation) => examineHere(invocation, duties));
  return async (event, context) => (isDoctorEvent(event) ? doctor(event, context) : work(event, context));
}

function functionOf<S extends z.ZodType, R>(
  schema: S,
  job: (event: z.infer<S>, invocation: Invocation) => Promise<R>,
): (event: unknown, context: FunctionContext) => Promise<R> {
  const work = async (event: z.infer<S>, context: Context & FunctionContext): Promise<R> => {
    logger.appendKeys(logKeys(event));
    return run(event, context, job);
  };
  // The deadline stops the work, with a code; middy would end the function without one.
  const handler = middy(work, { timeoutEarlyInMillis: 0 })
    .use(injectLambdaContext(logger, { resetKeys: true }))
    .use(captureLambdaHandler(tracer, { captureResponse: false }))
    .use(parser({ schema }))
    .use({
      onError: (request) => {
        const error = toFunctionError(request.error);
        request.error = error;
        logger.error(error.message, { code: error.name });
      },
    });
  return handler as unknown as (event: unknown, context: FunctionContext) => Promise<R>;
}

async function run<E, R>(
  event: E,
  context: FunctionContext,
  job: (event: E, invocation: Invocation) => Promise<R>,
): Promise<R> {
  using deadline = startDeadline(context.getRemainingTimeInMillis(), context.memoryLimitInMB);
  const { signal, until } = deadline;
  let opened: Promise<OpenedRepository> | undefined;
  try {
    const config = readSettings(process.env);
    return await job(event, {
      config,
      by: `function ${context.functionName}`,
      id: context.awsRequestId.replaceAll('-', '').toLowerCase(),
      isTask: context.isTask ?? false,
      signal,
      until,
      onProgress: logWarnings,
      repository: (options) => {
        opened ??= openConfigured(config, signal, options).catch((error: unknown) => {
          opened = undefined;
          throw error;
        });
        return opened;
      },
    });
  } catch (error) {
    throw toFunctionError(error, signal);
  } finally {
    const repository = await opened?.catch(() => undefined);
    await repository?.[Symbol.asyncDispose]();
  }
}

const logWarnings: OnProgress = (event) => {
  if (event.kind === 'warning') logger.warn(event.message, { code: event.code });
  else if (event.kind === 'phase') logger.info(`phase ${event.phase}`);
};

function logKeys(event: unknown): Record<string, string | number> {
  const given = (event ?? {}) as Readonly<Record<string, unknown>>;
  return Object.fromEntries(
    LOGGED.flatMap((name) => {
      const value = given[name];
      return typeof value === 'string' || typeof value === 'number' ? [[name, value]] : [];
    }),
  );
}
