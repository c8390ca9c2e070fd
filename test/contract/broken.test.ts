import { describe, expect, it } from 'vitest';
import { sample } from '../support/repository/torture.ts';
import { SCRATCH_CHECKS } from './checks/scratch-checks.ts';
import type { Check } from './contract.ts';
import { BROKEN_SCRATCH_SERVERS } from './memory/broken-scratch-servers.ts';
import { BROKEN_SOURCES } from './memory/broken-sources.ts';
import { BROKEN_TARGETS } from './memory/broken-targets.ts';
import { openMemory } from './memory/place.ts';
import { restoringOf } from './restoring.ts';
import { SOURCE_CHECKS, TARGET_CHECKS } from './suites.ts';

/** Checks that no broken source can fail, as they judge the tables of facts. */
const OF_FACTS = ['can hold all odd texts'];

/** The check whose promise begins like that; there is exactly one. */
function checkOf<Subject>(checks: readonly Check<Subject>[], beginning: string): Check<Subject> {
  const [check, ...more] = checks.filter(({ promise }) => promise.startsWith(beginning));
  if (!check || more.length > 0) throw new Error(`${beginning}: ${more.length + (check ? 1 : 0)} promises`);
  return check;
}

function promisesOf<Subject>(checks: readonly Check<Subject>[]): readonly string[] {
  return checks
    .map(({ promise }) => promise)
    .filter((promise) => !OF_FACTS.some((one) => promise.startsWith(one)));
}

/** A mistake in the broken thing itself would tell nothing. */
async function expectNoticed(run: Promise<void>): Promise<void> {
  const error = await run.then(
    () => undefined,
    (thrown: unknown) => thrown,
  );
  expect(error, 'the check fails').toBeInstanceOf(Error);
  expect(error).not.toBeInstanceOf(TypeError);
}

describe('a check of the source contract notices a source that', () => {
  it.each(sample(BROKEN_SOURCES, 15))('$how ($breaks …)', async ({ breaks, source }) => {
    await using place = openMemory({ source });
    await expectNoticed(checkOf(SOURCE_CHECKS, breaks).run(place));
  });

  it('breaks any promise: there is such a source for each', () => {
    const broken = new Set(BROKEN_SOURCES.map(({ breaks }) => checkOf(SOURCE_CHECKS, breaks).promise));
    expect([...broken].sort()).toEqual(promisesOf(SOURCE_CHECKS).toSorted());
  });
});

describe('a check of the target contract notices a target that', () => {
  const open = restoringOf(async () => openMemory());

  it.each(sample(BROKEN_TARGETS, 10))('$how ($breaks …)', async ({ breaks, target }) => {
    await using sound = await open();
    await using place = openMemory({ target });
    await expectNoticed(checkOf(TARGET_CHECKS, breaks).run({ ...sound, place }));
  });

  it('breaks any promise: there is such a target for each', () => {
    const broken = new Set(BROKEN_TARGETS.map(({ breaks }) => checkOf(TARGET_CHECKS, breaks).promise));
    expect([...broken].sort()).toEqual(promisesOf(TARGET_CHECKS).toSorted());
  });
});

describe('a check of the scratch server contract notices a server that', () => {
  const open = restoringOf(async () => openMemory());

  it.each(sample(BROKEN_SCRATCH_SERVERS, 5))('$how ($breaks …)', async ({ breaks, scratchServer }) => {
    await using sound = await open();
    await using place = openMemory({ scratchServer });
    await expectNoticed(checkOf(SCRATCH_CHECKS, breaks).run({ ...sound, place }));
  });

  it('breaks any promise: there is such a server for each', () => {
    const broken = new Set(
      BROKEN_SCRATCH_SERVERS.map(({ breaks }) => checkOf(SCRATCH_CHECKS, breaks).promise),
    );
    expect([...broken].sort()).toEqual(promisesOf(SCRATCH_CHECKS).toSorted());
  });
});
