import { setTimeout as delay } from 'node:timers/promises';
import { expect, it } from 'vitest';
import { startDeadline } from '../../lambdas/runtime/deadline.ts';
import { toFunctionError } from '../../lambdas/runtime/function-error.ts';
import { keepSecret, redact } from '../../lambdas/runtime/redact.ts';
import { abortedError } from '../../shared/core/abort.ts';
import { type ErrorCode, HoldfastError } from '../../shared/core/errors.ts';

it('hides a secret as it is, as a URL has it and as JSON has it', () => {
  keepSecret('p@ss"word/1');
  const text = `a p@ss"word/1 b ${encodeURIComponent('p@ss"word/1')} c ${JSON.stringify({ x: 'p@ss"word/1' })}`;
  expect(redact(text)).toBe('a *** b *** c {"x":"***"}');
});

it('fails with the code as its name, the hint in its message, no secret and no stack of ours', () => {
  keepSecret('hush-hush');
  const cause = new Error('connect postgres://u:hush-hush@db failed');
  const known = new HoldfastError('E_SOURCE_UNREACHABLE', 'hush-hush@db cannot be reached', {
    cause,
    hint: 'Look.',
  });
  const error = toFunctionError(known);
  expect(error).toMatchObject({
    name: 'E_SOURCE_UNREACHABLE',
    message: '***@db cannot be reached (Look. To find the cause, run: holdfast doctor --deployed STACK)',
  });
  expect(error.retryable).toBe(true);
  expect(`${error.stack}${JSON.stringify(error)}`).not.toMatch(/hush|\.ts/);
  expect(error.cause).toBeUndefined();
  expect(toFunctionError(cause)).toMatchObject({
    name: 'E_INTERNAL',
    message: 'Error: connect postgres://u:***@db failed',
  });
});

it('stops work before the time runs out, and says what helps', async () => {
  using deadline = startDeadline(1_030, '512');
  const { signal } = deadline;
  expect(signal.aborted).toBe(false);
  await delay(80);
  expect(signal.aborted).toBe(true);
  expect(toFunctionError(abortedError(signal), signal)).toMatchObject({
    name: 'E_OUT_OF_TIME',
    retryable: false,
    message: expect.stringMatching(/512 MiB.*more memory.*time.*shares smaller.*Fargate/),
  });
});

it.each(['AbortError', 'TimeoutError'])(
  'takes what the SDK calls %s for the end of its time',
  async (name) => {
    using deadline = startDeadline(1_000, '512');
    await delay(20);
    const stopped = Object.assign(new Error('The operation was aborted.'), { name });
    expect(toFunctionError(stopped, deadline.signal).name).toBe('E_OUT_OF_TIME');
    expect(toFunctionError(stopped).name).toBe('E_INTERNAL');
  },
);

it('takes what fails like a lost connection for the end of its time, and nothing else', async () => {
  using deadline = startDeadline(1_000, '512');
  await delay(20);
  const nameOf = (code: ErrorCode) => toFunctionError(new HoldfastError(code, 'x'), deadline.signal).name;
  expect(nameOf('E_SOURCE_UNREACHABLE')).toBe('E_OUT_OF_TIME');
  expect(nameOf('E_DAMAGED')).toBe('E_DAMAGED');
});

it('keeps a tenth of the time for ending in order, and thirty seconds at most', () => {
  const left = (remainingMs: number) => {
    using deadline = startDeadline(remainingMs, undefined);
    return deadline.until.getTime() - (performance.timeOrigin + performance.now());
  };
  expect(left(60_000)).toBeCloseTo(54_000, -2);
  expect(left(900_000)).toBeCloseTo(870_000, -2);
});
