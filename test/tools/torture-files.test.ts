import { expect, it } from 'vitest';
import { tortureFiles } from '../../tools/torture-files.ts';

it('finds test files with a long form, by a part of their path', () => {
  expect(tortureFiles('shared/repository/damage')).toEqual(['test/shared/repository/damage.test.ts']);
  expect(tortureFiles('random-subsets')).toEqual(['test/shared/jobs/inside/subset/random-subsets.test.ts']);
  expect(tortureFiles('').length).toBeGreaterThan(50);
  expect(tortureFiles('nothing of this name')).toEqual([]);
  // The file beside them has it.
  expect(tortureFiles('any-moment-18')).toEqual([
    'test/shared/sources/postgres/changes/any-moment-18.test.ts',
  ]);
  expect(tortureFiles('postgres/changes/forms')).toEqual([]);
});
