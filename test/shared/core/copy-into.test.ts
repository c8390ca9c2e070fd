import { expect, it } from 'vitest';
import { copyInto } from '../../../shared/core/copy-into.ts';

it('copies to a place in shared memory, and leaves the rest', () => {
  const target = Buffer.from(new SharedArrayBuffer(8));
  expect(copyInto(target, 2, Buffer.from('abc'))).toBe(3);
  expect(copyInto(target, 4, Buffer.alloc(0))).toBe(0);
  expect(target.toString('latin1')).toBe('\0\0abc\0\0\0');
});

it('refuses what has no room', () => {
  const target = Buffer.from(new SharedArrayBuffer(4));
  expect(() => copyInto(target, 2, Buffer.from('abc'))).toThrow(RangeError);
  expect(target.every((byte) => byte === 0)).toBe(true);
});
