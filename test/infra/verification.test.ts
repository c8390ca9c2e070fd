import { StateMachine } from 'aws-local-stepfunctions';
import { describe, expect, it } from 'vitest';
import { expectDocumented } from '../support/aws/event-schema.ts';
import { asFunctionsFail, verificationMachine } from '../support/aws/local-step-functions.ts';

const machine = verificationMachine();
const ONE = 'backups/daily/20261126/backup_daily_20261126_020000.json';
const part = (depth: string) => ({ since: '6d', depth, inParts: true });
const whole = { verified: 3, damaged: [] as string[], findings: 0, unfinished: [] as object[] };

type Answer = (event: Record<string, unknown>) => object;

/** @param verifyPart answers by depth, each once or, where there is no other, always */
async function run(verifyPart: Answer, input: object = { since: '6d', days: 7 }) {
  const calls: { readonly name: string; readonly event: Record<string, unknown> }[] = [];
  const answers: Record<string, Answer> = {
    PlanVerification: () => ({ parts: [part('1/2'), part('2/2')], damaged: [] }),
    VerifyPart: verifyPart,
    GatherParts: ({ gather, damaged }) => {
      const parts = gather as { damaged: string[]; unfinished: object[]; failures: object[] }[];
      return {
        damaged: [...(damaged as string[]), ...parts.flatMap((one) => one.damaged)],
        parts: parts.flatMap(({ unfinished }) => unfinished),
        failures: parts.flatMap(({ failures }) => failures),
      };
    },
  };
  const names = [...Object.keys(machine.States), 'VerifyPart'];
  const handlers = names.map((name) => [
    name,
    async (event: Record<string, unknown>) => {
      calls.push({ name, event: structuredClone(event) });
      return asFunctionsFail(async () => (answers[name] ?? (() => ({ FailedEntryCount: 0 })))(event));
    },
  ]);
  const execution = new StateMachine(machine, { validationOptions: { noValidate: true } }).run(
    input as never,
    {
      overrides: {
        taskResourceLocalHandlers: Object.fromEntries(handlers) as never,
        retryIntervalOverrides: Object.fromEntries(names.map((name) => [name, 0])),
      },
      context: {
        Execution: { Id: 'arn:aws:states:eu-west-1:111122223333:execution:v:x', Input: input },
      } as never,
    },
  );
  const outcome = await execution.result.then(
    () => 'succeeded',
    (error: Error & { cause?: Error }) => `failed: ${error.cause?.name ?? error.name}`,
  );
  const events = calls.flatMap(({ event }) =>
    ((event['Entries'] ?? []) as { DetailType: string; Detail: object }[]).map(({ DetailType, Detail }) => ({
      type: DetailType,
      detail: Detail,
    })),
  );
  expectDocumented(events);
  return { outcome, calls, events, names: calls.map(({ name }) => name) };
}

describe('the state machine of verifications', () => {
  it('plans, and has each part verified', async () => {
    const { outcome, calls, names, events } = await run(() => whole);
    expect(outcome).toBe('succeeded');
    expect(names).toEqual(['PlanVerification', 'VerifyPart', 'VerifyPart', 'GatherParts']);
    expect(calls[0]?.event).toEqual({ since: '6d', days: 7, plan: true });
    expect(calls.slice(1, 3).map(({ event }) => event)).toEqual([part('1/2'), part('2/2')]);
    expect(events).toEqual([]);
  });

  it('divides what takes too long, again and again', async () => {
    const halves: Readonly<Record<string, string[]>> = { '2/2': ['2/4', '4/4'], '4/4': ['4/8', '8/8'] };
    const { outcome, calls } = await run(({ depth }) => ({
      ...whole,
      unfinished: (halves[String(depth)] ?? []).map(part),
    }));
    expect(outcome).toBe('succeeded');
    const depths = calls.flatMap(({ name, event }) => (name === 'VerifyPart' ? [event['depth']] : []));
    expect(depths).toEqual(['1/2', '2/2', '2/4', '4/4', '4/8', '8/8']);
  });

  it('reads on after damage, and tells of it in the end', async () => {
    const { outcome, calls, events } = await run(({ depth }) => ({
      ...whole,
      damaged: depth === '2/2' ? [ONE] : [],
      unfinished: depth === '2/2' ? [part('2/4'), part('4/4')] : [],
    }));
    expect(outcome).toBe('failed: E_VERIFY_FAILED');
    expect(calls.filter(({ name }) => name === 'VerifyPart')).toHaveLength(4);
    expect(events).toMatchObject([{ type: 'Verification Failed', detail: { backup: ONE, damaged: [ONE] } }]);
  });

  it('tells why a part could not be verified, by its code', async () => {
    const { outcome, events } = await run(({ depth }) => {
      if (depth === '1/2') return whole;
      throw Object.assign(new Error('the key service refused'), { name: 'E_KEY_DENIED' });
    });
    expect(outcome).toBe('failed: E_VERIFY_FAILED');
    expect(events).toMatchObject([
      { type: 'Verification Failed', detail: { error: { code: 'E_KEY_DENIED' } } },
    ]);
  });
});
