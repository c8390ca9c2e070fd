/** Lovász' condition. */
const DELTA = 0.99;
/** A little more than a half, so that rounding cannot take and give the same row for ever. */
const REDUCED = 0.501;

/**
 * Lenstra, Lenstra and Lovász' reduction of a lattice's basis (its rows), in floating point with the orthogonal part
 * made anew for each row, as Schnorr and Euchner do it. For whole numbers below 2^50 and some fifty dimensions.
 */
export function reduceBasis(rows: readonly (readonly number[])[]): number[][] {
  const basis = rows.map((row) => [...row]);
  const mu = basis.map(() => new Float64Array(basis.length));
  const r = basis.map(() => new Float64Array(basis.length));
  for (let k = 0; k < basis.length; ) {
    reduceRow(basis, k, mu, r);
    const swaps = k > 0 && !isLongEnough(k, mu, r);
    if (swaps) {
      const above = basis[k - 1] as number[];
      basis[k - 1] = basis[k] as number[];
      basis[k] = above;
    }
    k += swaps ? -1 : 1;
  }
  return basis;
}

type Matrix = readonly Float64Array[];
const at = (matrix: Matrix, i: number, j: number): number => (matrix[i] as Float64Array)[j] as number;

function isLongEnough(k: number, mu: Matrix, r: Matrix): boolean {
  return at(r, k, k) >= (DELTA - at(mu, k, k - 1) ** 2) * at(r, k - 1, k - 1);
}

/** Takes multiples of the rows before from row `k`, until there is nothing to take. */
function reduceRow(basis: readonly number[][], k: number, mu: Matrix, r: Matrix): void {
  for (let isReduced = false; !isReduced; ) {
    orthogonalise(basis, k, mu, r);
    isReduced = true;
    for (let j = k - 1; j >= 0; j--) {
      if (Math.abs(at(mu, k, j)) <= REDUCED) continue;
      const times = Math.round(at(mu, k, j));
      isReduced = false;
      const row = basis[k] as number[];
      for (const [i, value] of (basis[j] as number[]).entries()) row[i] = (row[i] as number) - times * value;
      for (let i = 0; i < j; i++) (mu[k] as Float64Array)[i] = at(mu, k, i) - times * at(mu, j, i);
    }
  }
}

function orthogonalise(basis: readonly number[][], k: number, mu: Matrix, r: Matrix): void {
  for (let j = 0; j <= k; j++) {
    let rest = dot(basis[k] as number[], basis[j] as number[]);
    for (let i = 0; i < j; i++) rest -= at(mu, j, i) * at(r, k, i);
    (r[k] as Float64Array)[j] = rest;
    if (j < k) (mu[k] as Float64Array)[j] = rest / at(r, j, j);
  }
}

function dot(a: readonly number[], b: readonly number[]): number {
  let sum = 0;
  for (let i = 0; i < a.length; i++) sum += (a[i] as number) * (b[i] as number);
  return sum;
}
