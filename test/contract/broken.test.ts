import { describe, expect, it } from 'vitest';
import type { Check } from './contract.ts';
import { BROKEN_SOURCES } from './memory/broken-sources.ts';
import { openMemory } from './memory/place.ts';
import { SOURCE_CHECKS } from './source.contract.ts';

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

describe('a check of the source contract notices a source that', () => {
  it.each(BROKEN_SOURCES)('$how ($breaks …)', async ({ breaks, source }) => {
    await using place = openMemory({ source });
    await expect(checkOf(SOURCE_CHECKS, breaks).run(place)).rejects.toThrow();
  });

  it('breaks any promise: there is such a source for each', () => {
    const broken = new Set(BROKEN_SOURCES.map(({ breaks }) => checkOf(SOURCE_CHECKS, breaks).promise));
    expect([...broken].sort()).toEqual(promisesOf(SOURCE_CHECKS).toSorted());
  });
});
