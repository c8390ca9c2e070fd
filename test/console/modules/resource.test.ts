import { expect, it } from 'vitest';
import { Resource } from '../../../console/api/resource.ts';

it('is fresh when it was just loaded, until it is distrusted', async () => {
  const found = new Resource(async () => 1);
  expect(found.isFresh).toBe(false);
  await found.refresh();
  expect(found.isFresh).toBe(true);
  expect(found.value.value).toBe(1);
  found.distrust();
  expect(found.isFresh).toBe(false);
});

it('is not fresh where something was done while it was loaded', async () => {
  const answer = Promise.withResolvers<number>();
  const found = new Resource(() => answer.promise);
  const loading = found.refresh();
  found.distrust();
  answer.resolve(1);
  await loading;
  expect(found.isFresh).toBe(false);
  await found.refresh();
  expect(found.isFresh).toBe(true);
});
