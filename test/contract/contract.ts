import { setTimeout as delay } from 'node:timers/promises';
import { describe, expect, it } from 'vitest';
import { HoldfastError } from '../../shared/core/errors.ts';
import type { Place } from './place.ts';
import { differences, type World } from './world.ts';

/** One promise of an interface, and what shows that it is kept. */
export interface Check<Subject> {
  readonly promise: string;
  readonly run: (subject: Subject) => Promise<void>;
  /** Why it does not apply to a kind, if so. */
  readonly without?: (facts: Place['facts']) => string | undefined;
}

/** A test for each check, with a subject of its own. */
export function describeChecks<Subject extends AsyncDisposable>(
  title: string,
  checks: readonly Check<Subject>[],
  { facts, open }: { readonly facts: Place['facts']; readonly open: () => Promise<Subject> },
): void {
  describe(title, () => {
    for (const { promise, run, without } of checks) {
      const reason = without?.(facts);
      if (reason !== undefined) {
        it.skip(`${promise} (${reason})`, () => {});
        continue;
      }
      it(promise, async () => {
        await using subject = await open();
        await run(subject);
      });
    }
  });
}

export function expectSame(
  actual: World,
  expected: World,
  about: string,
  options: { readonly inOrder?: boolean } = {},
): void {
  expect(differences(actual, expected, options).slice(0, 10), about).toEqual([]);
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
  if ('value' in outcome) expect.fail(`${about}: it ended well, where it must fail with ${codes}`);
  expectTyped(outcome.error, codes, { about, secrets });
}

export function expectTyped(
  error: unknown,
  codes: RegExp,
  { about, secrets = [] }: { readonly about: string; readonly secrets?: readonly string[] },
): void {
  if (!(error instanceof HoldfastError))
    expect.fail(`${about}: an error without a code: ${error instanceof Error ? error.stack : error}`);
  expect(error.code, `${about}: ${error.message}`).toMatch(codes);
  const told = `${error.message} ${error.hint} ${JSON.stringify(error.details)}`;
  for (const secret of secrets) expect(told, about).not.toContain(secret);
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
  expect(open, `${about}: connections or files left open`).toBe(0);
}

export async function putAll(place: Place, world: World): Promise<World> {
  for (const [name, content] of world) await place.put(name, content);
  return world;
}
