/** Deterministic random numbers in [0, 1): mulberry32. */
export function seededRandom(seed: number): () => number {
  let state = seed >>> 0;
  return () => {
    state = (state + 0x6d2b79f5) >>> 0;
    let t = Math.imul(state ^ (state >>> 15), 1 | state);
    t = (t + Math.imul(t ^ (t >>> 7), 61 | t)) ^ t;
    return ((t ^ (t >>> 14)) >>> 0) / 2 ** 32;
  };
}

/** Lines like those of a table dump, about 110 bytes each, newline included. */
export function seededRows(count: number, seed: number, firstId = 0): string[] {
  const random = seededRandom(seed);
  const word = () => Math.floor(random() * 36 ** 6).toString(36);
  return Array.from(
    { length: count },
    (_, i) =>
      `${firstId + i}\t${word()} ${word()}\t${word()}@example.org\t${Math.floor(random() * 1e6)}\t${Array.from({ length: 8 }, word).join(' ')}\tf\t\\N\n`,
  );
}
