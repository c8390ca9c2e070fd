import * as lambdaErrors from '@aws-sdk/client-lambda';
import { Duration } from 'aws-cdk-lib/core';
import { StateMachine } from 'aws-local-stepfunctions';
import { describe, expect, it } from 'vitest';
import { expectDocumented } from '../support/aws/event-schema.ts';
import { asFunctionsFail, backupMachine } from '../support/aws/local-step-functions.ts';

const usual = backupMachine();
const RUN = 'ab'.repeat(16);
const SHARES = [0, 1, 2].map((share) => ({
  run: RUN,
  source: 'shop',
  type: 'daily',
  share,
  runtime: 'lambda',
}));
const PLANNED = {
  run: RUN,
  source: 'shop',
  type: 'daily',
  noParent: false,
  mode: 'shares',
  shares: SHARES,
};
const KEY = 'backups/daily/20261126/backup_daily_20261126_020000.json';
const LISTED = {
  key: KEY,
  type: 'daily',
  source: 'shop',
  records: 7,
  plainBytes: 70,
  storedBytes: 40,
  datasets: 1,
  chunks: 1,
  newChunks: 1,
  suspect: null,
  head: { number: 3, sha256: 'ab'.repeat(32) },
  parent: null,
  verification: { parts: [{ backup: KEY, depth: 'new', inParts: true }], damaged: [] },
};

const WHOLE = { verified: 1, damaged: [], findings: 0, unfinished: [] };

interface Failed {
  readonly Error: string;
  readonly Cause: string;
}
interface PartAnswer {
  readonly damaged: readonly string[];
  readonly unfinished: readonly object[];
  readonly failures: readonly Failed[];
}
/** As the functions do. */
function explain(event: object): Failed {
  const { Error: code, Cause } = (event as { explain: Failed }).explain;
  return { Error: code, Cause: Cause.startsWith('{') ? JSON.parse(Cause).errorMessage : Cause };
}
function gatherParts(event: object) {
  const { gather, damaged } = event as { gather: readonly PartAnswer[]; damaged: readonly string[] };
  return {
    damaged: [...damaged, ...gather.flatMap((part) => part.damaged)],
    parts: gather.flatMap(({ unfinished }) => unfinished),
    failures: gather.flatMap(({ failures }) => failures).map((failed) => explain({ explain: failed })),
  };
}

interface Calls {
  readonly name: string;
  readonly event: Record<string, unknown>;
}
interface Entry {
  readonly Detail: object;
  readonly DetailType: string;
  readonly Source: string;
}
type Handler = (event: Record<string, unknown>) => unknown;

function failure(name: string, message: string): Error {
  return Object.assign(new Error(message), { name });
}

/** Runs the machine; every task is answered by its handler, or as a backup that goes well. */
async function run(
  handlers: Readonly<Record<string, Handler>> = {},
  { input = { source: 'shop', type: 'daily' }, machine = usual }: { input?: object; machine?: object } = {},
) {
  const calls: Calls[] = [];
  let noted: unknown;
  const well: Record<string, Handler> = {
    Plan: () => PLANNED,
    Hold: () => PLANNED,
    BackupPartition: ({ share }) => ({ share, records: 1, plainBytes: 1, storedBytes: 1 }),
    Commit: () => LISTED,
    NoteShareFailure: ({ share, failure }) => {
      noted ??= failure;
      return { run: RUN, share };
    },
    Abort: (event) => {
      const told = noted ?? { Error: event['error'], Cause: event['cause'] };
      return { run: RUN, aborted: true, failure: explain({ explain: told }) };
    },
    VerifyPart: () => WHOLE,
    GatherParts: gatherParts,
    ExplainPlan: explain,
    ExplainParts: explain,
    ExplainLock: explain,
    Lock: () => ({ backups: 1 }),
  };
  const names = Object.keys(machine['States' as never]).concat(
    'BackupPartition',
    'BackupPartitionTask',
    'NoteShareFailure',
    'VerifyPart',
  );
  const local = Object.fromEntries(
    names.map((name) => [
      name,
      async (event: Record<string, unknown>) => {
        calls.push({ name, event: structuredClone(event) });
        const handler = handlers[name] ?? well[name] ?? (() => ({ FailedEntryCount: 0 }));
        return functions.has(name) ? asFunctionsFail(async () => handler(event)) : handler(event);
      },
    ]),
  );
  const functions = new Set(lambdaStates(machine).map(([state]) => state));
  const intervals = Object.fromEntries(names.map((name) => [name, 0]));
  const execution = new StateMachine(machine as never, { validationOptions: { noValidate: true } }).run(
    input as never,
    {
      overrides: { taskResourceLocalHandlers: local as never, retryIntervalOverrides: intervals },
      context: {
        Execution: { Id: 'arn:aws:states:eu-west-1:111122223333:execution:b:x', Input: input },
        Task: { Token: 'token' },
      } as never,
    },
  );
  const outcome = await execution.result.then(
    () => 'succeeded',
    (error: Error & { cause?: Error }) => `failed: ${error.cause?.name ?? error.name}`,
  );
  const entries = calls.flatMap(({ event }) => (event['Entries'] ?? []) as Entry[]);
  expectDocumented(entries.map(({ DetailType: type, Detail }) => ({ type, detail: Detail })));
  return { outcome, calls, names: calls.map(({ name }) => name) };
}

function detail(calls: readonly Calls[], name: string) {
  const call = calls.find((made) => made.name === name);
  const [entry] = (call?.event['Entries'] ?? []) as Entry[];
  return entry;
}

interface Retrier {
  readonly ErrorEquals: readonly string[];
  readonly IntervalSeconds?: number;
  readonly BackoffRate?: number;
  readonly MaxDelaySeconds?: number;
  readonly MaxAttempts?: number;
  readonly JitterStrategy?: string;
}
interface TaskState {
  readonly Type: string;
  readonly Resource?: string;
  readonly Retry?: readonly Retrier[];
  readonly ItemProcessor?: object;
}

/** Every state that invokes a function, in maps too. */
function lambdaStates(machine: object): (readonly [name: string, state: TaskState])[] {
  const { States = {} } = machine as { readonly States?: Readonly<Record<string, TaskState>> };
  return Object.entries(States).flatMap(([name, state]) => [
    ...(/:lambda:/.test(state.Resource ?? '') ? [[name, state] as const] : []),
    ...(state.ItemProcessor ? lambdaStates(state.ItemProcessor) : []),
  ]);
}

describe('the state machine of a backup', () => {
  it('plans, reads every share, commits, verifies and tells', async () => {
    const { outcome, calls, names } = await run();
    expect(outcome).toBe('succeeded');
    expect(names).toEqual([
      'Plan',
      'BackupPartition',
      'BackupPartition',
      'BackupPartition',
      'Commit',
      'VerifyPart',
      'GatherParts',
      'NotifySuccess',
    ]);
    expect(calls[0]?.event).toMatchObject({
      source: 'shop',
      type: 'daily',
      execution: expect.stringContaining(':execution:'),
    });
    expect(calls[1]?.event).toEqual({ run: RUN, source: 'shop', type: 'daily', share: 0 });
    expect(calls[4]?.event).toEqual({ run: RUN, source: 'shop', type: 'daily' });
    expect(calls[5]?.event).toEqual({ backup: LISTED.key, depth: 'new', inParts: true });
    expect(detail(calls, 'NotifySuccess')).toMatchObject({
      Source: 'holdfast',
      DetailType: 'Backup Succeeded',
      Detail: {
        schema: 1,
        run: RUN,
        source: 'shop',
        type: 'daily',
        backup: LISTED.key,
        figures: { records: 7 },
        head: LISTED.head,
      },
    });
  });

  it('has a holder plan where the snapshot must be held', async () => {
    const { outcome, calls, names } = await run({ Plan: () => ({ ...PLANNED, mode: 'hold', shares: [] }) });
    expect(outcome).toBe('succeeded');
    expect(names.filter((name) => name === 'BackupPartition')).toHaveLength(3);
    expect(calls[1]).toMatchObject({
      name: 'Hold',
      event: {
        InvocationType: 'Event',
        Payload: { run: RUN, source: 'shop', type: 'daily', note: '', taskToken: 'token' },
      },
    });
  });

  it('calls another holder where one could not be reached, or was not begun', async () => {
    const problems = [
      failure('E_SOURCE_UNREACHABLE', 'the database is starting'),
      failure('States.Timeout', ''),
      failure('Lambda.TooManyRequestsException', 'rate exceeded'),
    ];
    const { outcome, names } = await run({
      Plan: () => ({ ...PLANNED, mode: 'hold', shares: [] }),
      Hold: () => {
        const problem = problems.shift();
        if (problem) throw problem;
        return PLANNED;
      },
    });
    expect(outcome).toBe('succeeded');
    expect(names.filter((name) => name === 'Hold')).toHaveLength(4);
  });

  it('calls no other holder where the database refuses the login', async () => {
    const { outcome, names } = await run({
      Plan: () => ({ ...PLANNED, mode: 'hold', shares: [] }),
      Hold: () => {
        throw failure('E_SOURCE_REFUSED', 'no such user');
      },
    });
    expect(outcome).toBe('failed: E_SOURCE_REFUSED');
    expect(names).toEqual(['Plan', 'Hold', 'Abort', 'NotifyFailure']);
  });

  it.each(['Plan', 'Hold', 'BackupPartition', 'Commit', 'VerifyPart'])(
    'waits its turn where the account runs no more functions at once: %s',
    async (step) => {
      let refused = 0;
      const answers: Readonly<Record<string, unknown>> = {
        Plan: { ...PLANNED, mode: 'hold', shares: [] },
        Hold: { ...PLANNED, shares: SHARES.slice(0, 1) },
        BackupPartition: { share: 0 },
        Commit: LISTED,
        VerifyPart: WHOLE,
      };
      const handlers = Object.fromEntries(
        Object.entries(answers).map(([name, answer]) => [
          name,
          () => {
            if (name === step && refused++ < 19)
              throw failure('Lambda.TooManyRequestsException', 'rate exceeded');
            return answer;
          },
        ]),
      );
      const { outcome, calls } = await run(handlers);
      expect(outcome).toBe('succeeded');
      expect(detail(calls, 'NotifySuccess')).toBeDefined();
      expect(refused).toBe(20);
    },
  );

  it('waits for a quarter of an hour in all, each step for a time of its own', () => {
    const retriers = lambdaStates(usual).map(([, { Retry = [] }]) =>
      Retry.find(({ ErrorEquals }) => ErrorEquals.includes('Lambda.TooManyRequestsException')),
    );
    expect(retriers.length).toBeGreaterThanOrEqual(6);
    for (const retrier of retriers) {
      const { IntervalSeconds = 1, BackoffRate = 2, MaxDelaySeconds = 0, MaxAttempts = 3 } = retrier ?? {};
      const delays = Array.from({ length: MaxAttempts }, (_, i) =>
        Math.min(IntervalSeconds * BackoffRate ** i, MaxDelaySeconds),
      );
      expect(retrier?.JitterStrategy).toBe('FULL');
      expect(Math.max(...delays)).toBe(60);
      expect(delays.reduce((sum, delay) => sum + delay, 0)).toBeGreaterThan(14 * 60);
    }
  });

  it('names errors that Lambda has', () => {
    const known = Object.keys(lambdaErrors);
    const [retrier] = lambdaStates(usual).flatMap(([, { Retry = [] }]) =>
      Retry.filter(({ ErrorEquals }) => ErrorEquals.includes('Lambda.TooManyRequestsException')),
    );
    expect(known).toEqual(
      expect.arrayContaining(retrier?.ErrorEquals.map((name) => name.replace('Lambda.', '')) ?? ['none']),
    );
  });

  it('hands on the note of a manual backup', async () => {
    const { calls } = await run(
      { Plan: () => ({ ...PLANNED, noParent: true, mode: 'hold', shares: [] }) },
      { input: { source: 'shop', type: 'manual', note: 'before "the" move' } },
    );
    expect(calls[1]?.event['Payload']).toMatchObject({ note: 'before "the" move', noParent: true });
  });

  it('makes no second backup of a scheduled time', async () => {
    const { outcome, names } = await run({ Plan: () => ({ ...PLANNED, mode: 'duplicate', shares: [] }) });
    expect(outcome).toBe('succeeded');
    expect(names).toEqual(['Plan', 'NotifyDuplicate']);
  });

  it('retries what may come right, and then goes on', async () => {
    let refused = 0;
    const { outcome, names } = await run({
      BackupPartition: ({ share }) => {
        if (share === 1 && refused++ < 2) throw failure('E_STORE_UNAVAILABLE', 'away');
        return { share };
      },
    });
    expect(outcome).toBe('succeeded');
    expect(names.filter((name) => name === 'BackupPartition')).toHaveLength(5);
  });

  it.each([
    ['Plan', ['ExplainPlan', 'NotifyPlanFailure']],
    ['Commit', ['Abort', 'NotifyFailure']],
    ['BackupPartition', ['Abort', 'NotifyFailure']],
  ])('releases, tells and fails where %s fails for good', async (step, last) => {
    const { outcome, calls, names } = await run({
      [step]: () => {
        throw failure('E_SOURCE_REFUSED', 'the database refused the login');
      },
    });
    expect(outcome).toBe('failed: E_SOURCE_REFUSED');
    expect(names.filter((name) => name === step)).toHaveLength(step === 'BackupPartition' ? 3 : 1);
    expect(names.slice(-2)).toEqual(last);
    expect(names).not.toContain('NotifySuccess');
    const told = detail(calls, last.at(-1)!);
    expect(told).toMatchObject({
      DetailType: 'Backup Failed',
      Detail: {
        source: 'shop',
        error: { code: 'E_SOURCE_REFUSED', message: 'the database refused the login' },
      },
    });
    if (step === 'Commit')
      expect(calls.find(({ name }) => name === 'Abort')?.event).toEqual({
        run: RUN,
        source: 'shop',
        type: 'daily',
        abort: true,
        error: 'E_SOURCE_REFUSED',
        cause: expect.stringContaining('"errorMessage":"the database refused the login"'),
      });
  });

  it('tells of a failure where the holder cannot be released either', async () => {
    const broken = () => {
      throw failure('E_STORE_DENIED', 'no');
    };
    const { outcome, names } = await run({ Commit: broken, Abort: broken });
    expect(outcome).toBe('failed: E_STORE_DENIED');
    expect(names.slice(-2)).toEqual(['Abort', 'NotifyFailure']);
  });

  it('fails where the failure cannot be told, and succeeds where success cannot', async () => {
    const broken = () => {
      throw failure('EventBridge.FailedEntry', 'away');
    };
    const failed = await run({
      NotifyFailure: broken,
      Commit: () => {
        throw failure('E_EMPTY_READ', 'nothing');
      },
    });
    expect(failed.outcome).toBe('failed: E_EMPTY_READ');
    const listed = await run({ NotifySuccess: broken });
    expect(listed.outcome).toBe('succeeded');
  });

  it('tells what is suspect', async () => {
    const suspect = { findings: 1 };
    const { outcome, calls, names } = await run({ Commit: () => ({ ...LISTED, suspect }) });
    expect(outcome).toBe('succeeded');
    expect(names).not.toContain('NotifySuccess');
    expect(detail(calls, 'NotifySuspect')).toMatchObject({
      DetailType: 'Backup Suspect',
      Detail: { suspect },
    });
  });

  it.each([
    [
      'an error',
      () => {
        throw failure('E_DAMAGED', 'bad');
      },
      'NotifyVerificationFailed',
    ],
    ['damage', () => ({ ...WHOLE, damaged: [LISTED.key], findings: 2 }), 'NotifyDamage'],
  ])('says no success, and aborts nothing, where verification finds %s', async (_, verify, told) => {
    const { outcome, calls, names } = await run({ VerifyPart: verify });
    expect(outcome).toBe('failed: E_VERIFY_FAILED');
    expect(names).not.toContain('NotifySuccess');
    expect(names).not.toContain('Abort');
    expect(detail(calls, told)).toMatchObject({
      DetailType: 'Verification Failed',
      Detail: { backup: LISTED.key },
    });
  });

  it('refuses input that names no source', async () => {
    const { outcome, names } = await run({}, { input: { type: 'daily' } });
    expect(outcome).toBe('failed: E_USAGE');
    expect(names).toEqual([]);
  });

  it('fails, and says so, where a share needs Fargate and there is none', async () => {
    const { outcome, names } = await run({
      Plan: () => ({ ...PLANNED, shares: [{ ...SHARES[0], runtime: 'fargate' }] }),
    });
    expect(outcome).toBe('failed: E_RUN_TOO_LONG');
    expect(names).toEqual(['Plan', 'Abort', 'NotifyFailure']);
  });

  it.each([0, 1001, 2.5])('refuses maxConcurrency %s', (maxConcurrency) => {
    expect(() => backupMachine({ maxConcurrency })).toThrow(/maxConcurrency is .*; allowed are 1 to 1000/);
  });

  it('refuses to stop waiting for a holder that Lambda may still begin', () => {
    const holdStartTimeout = Duration.minutes(5);
    expect(() => backupMachine({ holdStartTimeout })).toThrow(
      'holdStartTimeout is 5 minutes; it must be more than 5 minutes',
    );
  });

  it('refuses a holder on Fargate without Fargate', () => {
    expect(() => backupMachine({ holdOnFargate: true })).toThrow(/there is no fargate/);
  });

  it('lets every share fail the backup, and runs no more of them at once than said', () => {
    const map = backupMachine({ maxConcurrency: 4 }).States['Partitions'];
    expect(map).toMatchObject({
      MaxConcurrency: 4,
      ItemProcessor: { ProcessorConfig: { Mode: 'DISTRIBUTED', ExecutionType: 'STANDARD' } },
    });
    expect(Object.keys(map!).filter((member) => member.startsWith('Tolerated'))).toEqual([]);
  });
});

describe('with locks', () => {
  const machine = backupMachine({}, { isLocked: true });

  it('what a backup needs is locked before it is verified', async () => {
    const { outcome, calls, names } = await run({}, { machine });
    const last = ['Commit', 'Lock', 'VerifyPart', 'GatherParts', 'NotifySuccess'];
    expect([outcome, names.slice(-5)]).toEqual(['succeeded', last]);
    expect(calls.find(({ name }) => name === 'Lock')?.event).toEqual({ backup: LISTED.key });
  });

  it('a backup that could not be locked is listed and verified, and somebody is told', async () => {
    const refused = () => {
      throw failure('E_STORE_DENIED', 'the store refused access');
    };
    const { outcome, calls, names } = await run({ Lock: refused }, { machine });
    expect([outcome, names.slice(-6)]).toEqual([
      'succeeded',
      ['Lock', 'ExplainLock', 'NotifyLockFailed', 'VerifyPart', 'GatherParts', 'NotifySuccess'],
    ]);
    expect(detail(calls, 'NotifyLockFailed')).toMatchObject({
      DetailType: 'Lock Failed',
      Detail: {
        backup: LISTED.key,
        error: { code: 'E_STORE_DENIED', message: 'the store refused access' },
      },
    });
  });

  it('goes on where nobody can be told of that', async () => {
    const broken = () => {
      throw failure('Events.Refused', 'no');
    };
    const { outcome } = await run({ Lock: broken, NotifyLockFailed: broken }, { machine });
    expect(outcome).toBe('succeeded');
  });
});
