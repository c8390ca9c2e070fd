import { InvokeCommand, LambdaClient } from '@aws-sdk/client-lambda';
import * as z from 'zod';
import { ERRORS, type ErrorCode, isHoldfastError } from '../../../core/errors.ts';
import { MINUTE_MS } from '../../../core/units.ts';
import type { DoctorGroup, DoctorRow } from '../row.ts';
import { fromAwsError } from './aws-errors.ts';
import type { DeployedJob, Deployment } from './deployment.ts';

/** Enough for all checks of a function at their slowest. */
const LIMIT_MS = 16 * MINUTE_MS;

const code = z.custom<ErrorCode>((text) => typeof text === 'string' && Object.hasOwn(ERRORS, text));
const Answer = z.object({
  checks: z.array(
    z.object({
      name: z.string(),
      outcome: z.enum(['ok', 'warning', 'failed', 'not-tried']),
      seen: z.string(),
      fix: z.string().nullable(),
      code: code.nullable(),
    }),
  ),
});
const Failure = z.object({ errorType: z.string().optional(), errorMessage: z.string().optional() });

/** What a function finds when it runs: its rows are named `plan/…`; of one for a single source `poll/shop/…`. */
export function functionGroup({ job, name, source }: DeployedJob, deployment: Deployment): DoctorGroup {
  const prefix = source === undefined ? job : `${job}/${source}`;
  // Checks of a source begin with its name already.
  const nameOf = (row: string) => `${row.startsWith(`${source}/`) ? job : prefix}/${row}`;
  return {
    source: job,
    run: async function* ({ signal }) {
      try {
        for (const row of await invoke(name, deployment, signal)) yield { ...row, name: nameOf(row.name) };
      } catch (error) {
        if (!isHoldfastError(error) || signal.aborted) throw error;
        const { message: seen, hint: fix = 'See its log in CloudWatch.' } = error;
        yield { name: `${prefix}/invoke`, outcome: 'failed', seen, fix, code: 'E_DEPLOYMENT' };
      }
    },
  };
}

async function invoke(
  name: string,
  { region }: Deployment,
  signal: AbortSignal,
): Promise<readonly DoctorRow[]> {
  // Lambda answers when everything is done: the SDK must not repeat the call meanwhile.
  const client = new LambdaClient({
    ...(region === undefined ? {} : { region }),
    maxAttempts: 1,
    requestHandler: { requestTimeout: LIMIT_MS },
  });
  try {
    const Payload = Buffer.from(JSON.stringify({ doctor: true }));
    const command = new InvokeCommand({ FunctionName: name, Payload });
    const answer = await client.send(command, { abortSignal: signal });
    const text = Buffer.from(answer.Payload ?? []).toString();
    if (answer.FunctionError !== undefined) throw failureOf(text);
    return Answer.parse(JSON.parse(text)).checks;
  } catch (error) {
    throw fromAwsError(error, { what: `what ${name} finds`, action: 'lambda:InvokeFunction', signal });
  } finally {
    client.destroy();
  }
}

function failureOf(text: string): Error {
  const { errorType = 'Unknown', errorMessage = '' } = Failure.parse(JSON.parse(text));
  return Object.assign(new Error(errorMessage), { name: errorType });
}
