import { ApiError } from './api-error.ts';

/** Whole numbers from 0 that say where a page begins, as one opaque text. */
export function encodePosition(...numbers: readonly number[]): string {
  return Buffer.from(numbers.join('.')).toString('base64url');
}

/** @throws E_BAD_REQUEST for anything else than this number of them */
export function decodePosition(text: string | undefined, count: number): readonly number[] | undefined {
  if (text === undefined) return undefined;
  const given = Buffer.from(text, 'base64url').toString().split('.');
  const isWhole = given.every((one) => /^\d{1,15}$/.test(one));
  if (isWhole && given.length === count) return given.map(Number);
  throw new ApiError('E_BAD_REQUEST', 'after is not from an earlier response', {
    fields: [{ field: 'after', problem: 'is not an `after` of an earlier response' }],
    hint: 'Start again without it.',
  });
}
