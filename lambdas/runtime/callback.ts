import {
  SendTaskFailureCommand,
  SendTaskHeartbeatCommand,
  SendTaskSuccessCommand,
  SFNClient,
} from '@aws-sdk/client-sfn';
import { MINUTE_MS } from '../../shared/core/units.ts';
import { toFunctionError } from './function-error.ts';
import { logger } from './telemetry.ts';

/** Longest message that Step Functions takes. */
const MOST_CAUSE_CHARS = 32_000;
/** Far more often than the state machine expects a sign of life. */
const BEAT_MS = MINUTE_MS;
/**
 * Step Functions' answer if nobody waits for the token: another task does the work, or the backup was given
 * up.
 */
const OVER = /^(TaskTimedOut|TaskDoesNotExist|InvalidToken)$/;

const stepFunctions = new SFNClient({});

/** Completes the state that waits for the token, with its output. */
export async function callBack(taskToken: string, output: object): Promise<void> {
  await stepFunctions.send(new SendTaskSuccessCommand({ taskToken, output: JSON.stringify(output) }));
}

/** Fails the state that waits for the token, with the code. If that fails, it is logged. */
export async function callBackFailed(
  taskToken: string,
  problem: unknown,
  signal?: AbortSignal,
): Promise<void> {
  const { name, message } = toFunctionError(problem, signal);
  try {
    await stepFunctions.send(
      new SendTaskFailureCommand({ taskToken, error: name, cause: message.slice(0, MOST_CAUSE_CHARS) }),
    );
  } catch (error) {
    logger.error('the state machine could not be reached', { error: error as Error });
  }
}

/**
 * Reports at once, and then every minute, that the work goes on. @param over called if nobody waits for it
 */
export async function keepBeating(taskToken: string, over: () => void): Promise<Disposable> {
  const beat = async () => {
    try {
      await stepFunctions.send(new SendTaskHeartbeatCommand({ taskToken }));
    } catch (error) {
      logger.warn('the state machine did not accept the heartbeat', { error: error as Error });
      if (OVER.test((error as Error).name)) over();
    }
  };
  await beat();
  const timer = setInterval(() => void beat(), BEAT_MS);
  timer.unref();
  return { [Symbol.dispose]: () => clearInterval(timer) };
}
