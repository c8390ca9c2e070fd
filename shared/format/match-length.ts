const FIRST_STEP = 256;
const LONGEST_STEP = 32 * 1024;

/** How many bytes `a` from `i` and `b` from `j` have in common. */
export function matchLength(a: Buffer, i: number, b: Buffer, j: number): number {
  const most = Math.min(a.length - i, b.length - j);
  const near = Math.min(most, 32);
  let n = 0;
  while (n < near && a[i + n] === b[j + n]) n++;
  if (n < near) return n;
  // Native comparison in growing steps, then in shrinking ones around the first difference.
  let step = FIRST_STEP;
  while (n < most) {
    const size = Math.min(step, most - n);
    if (a.compare(b, j + n, j + n + size, i + n, i + n + size) === 0) {
      n += size;
      step = Math.min(step * 2, LONGEST_STEP);
    } else if (size <= 64) {
      while (a[i + n] === b[j + n]) n++;
      return n;
    } else {
      step = size >> 1;
    }
  }
  return n;
}

/** How many bytes before `a[i]` and before `b[j]` are the same, `most` at most. */
export function matchLengthBackward(a: Buffer, i: number, b: Buffer, j: number, most: number): number {
  let n = 0;
  while (n < most && a[i - 1 - n] === b[j - 1 - n]) n++;
  return n;
}
