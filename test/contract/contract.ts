import assert from 'node:assert/strict';
import { setTimeout as delay } from 'node:timers/promises';
import { isHoldfastError } from '../../shared/core/errors.ts';
import type { Place } from './place.ts';
import { differences, type World } from './world.ts';

/** One promise of an interface, and what shows that it is kept. */
export interface Check<Subject> {
  readonly promise: string;
  /** Fails if the promise is broken. */
  readonly run: (subject: Subject) => Promise<void>;
  /** Why it does not apply to a kind, if so. */
  readonly without?: (facts: Place['facts']) => string | undefined;
}

/** A test for a runner: `for (const { name, skip, run } of checks) it(name, { skip }, run)`. */
export interface NamedCheck {
  /** What is promised. */
  readonly name: string;
  /** Whether it does not apply; the name says why then. */
  readonly skip: boolean;
  /** Opens what it needs, and closes it. Rejects with an `AssertionError` if the promise is broken. */
  readonly run: () => Promise<void>;
}

/** The checks as tests, each with a subject of its own. @param facts of what is tested; without, every check applies */
export function namedChecks<Subject>(
  checks: readonly Check<Subject>[],
  { facts, open }: { readonly facts?: Place['facts']; readonly open: () => Promise<Subject> },
): readonly NamedCheck[] {
  return checks.map(({ promise, run, without }) => {
    const reason = facts && without?.(facts);
    return {
      name: reason === undefined ? promise : `${promise} (${reason})`,
      skip: reason !== undefined,
      run: async () => {
        const subject = await open();
        await using _closed = closing(subject);
        await run(subject);
      },
    };
  });
}

/** Closes what can be closed. */
function closing(subject: unknown): AsyncDisposable {
  const { [Symbol.asyncDispose]: close } = subject as Partial<AsyncDisposable>;
  return { [Symbol.asyncDispose]: async () => close?.call(subject) };
}

export function expectSame(
  actual: World,
  expected: World,
  about: string,
  options: { readonly inOrder?: boolean } = {},
): void {
  assert.deepEqual(differences(actual, expected, options).slice(0, 10), [], about);
}

export function isSame(actual: World, expected: World): boolean {
  return differences(actual, expected).length === 0;
}

type Outcome<T> = { readonly value: T } | { readonly error: unknown };

export async function outcomeOf<T>(work: () => Promise<T>): Promise<Outcome<T>> {
  try {
    return { value: await work() };
  } catch (error) {
    return { error };
  }
}

/** That it failed on purpose, with one of the codes, and told no secret. */
export async function expectFailure(
  work: () => Promise<unknown>,
  codes: RegExp,
  { about, secrets = [] }: { readonly about: string; readonly secrets?: readonly string[] },
): Promise<void> {
  const outcome = await outcomeOf(work);
  if ('value' in outcome) assert.fail(`${about}: it ended well, where it must fail with ${codes}`);
  expectTyped(outcome.error, codes, { about, secrets });
}

export function expectTyped(
  error: unknown,
  codes: RegExp,
  { about, secrets = [] }: { readonly about: string; readonly secrets?: readonly string[] },
): void {
  if (!isHoldfastError(error))
    assert.fail(`${about}: an error without a code: ${error instanceof Error ? error.stack : error}`);
  assert.match(error.code, codes, `${about}: ${error.message}`);
  const told = `${error.message} ${error.hint} ${JSON.stringify(error.details)}`;
  for (const secret of secrets) assert.ok(!told.includes(secret), about);
}

/** What a source or a target fails with because of its database. */
export const DATABASE_FAILED = /^E_(SOURCE_[A-Z]+|EMPTY_READ)$/;

const POLL_MS = 5;

/** That all that was opened has been let go of. */
export async function expectReleased(place: Place, about: string): Promise<void> {
  const until = performance.now() + (place.facts.patienceMs ?? 20_000);
  let open = await place.openHandles();
  while (open > 0 && performance.now() < until) {
    await delay(POLL_MS);
    open = await place.openHandles();
  }
  assert.equal(open, 0, `${about}: connections or files left open`);
}

/** That all of these are there, and maybe more. */
export function expectIncluded(actual: readonly string[], wanted: readonly string[], about?: string): void {
  assert.deepEqual(
    wanted.filter((one) => !actual.includes(one)),
    [],
    about,
  );
}

export async function putAll(place: Place, world: World): Promise<World> {
  for (const [name, content] of world) await place.put(name, content);
  return world;
}
