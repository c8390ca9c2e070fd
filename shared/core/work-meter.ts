/**
 * Kinds of work that backups and restores spend their time on: `read` waits for the source's records, `put` and `get` for
 * the store; the others compute.
 */
export const WORKS = [
  'read',
  'cut',
  'hash',
  'count',
  'differ',
  'compress',
  'seal',
  'put',
  'get',
  'open',
  'decompress',
  'digest',
  'write',
] as const;

/** One of these kinds. */
export type Work = (typeof WORKS)[number];

/** What one kind of work has taken so far. */
export interface WorkTotal {
  readonly work: Work;
  readonly times: number;
  /** Of all threads and everything at once: the sum may exceed the time that passed. */
  readonly wallMs: number;
  /** Undefined for waiting, whose CPU time cannot be told from what is done meanwhile. */
  readonly cpuMs: number | undefined;
  readonly bytes: number;
}

/** Where the engine says what it is doing. */
export interface Meter {
  /** Does work that computes on this thread. Work that it does inside by the meter is counted as that alone. */
  run<T>(work: Work, bytes: number, task: () => T): T;
  /** Waits for something. @param bytesOf how many bytes came of it */
  wait<T>(work: Work, waited: Promise<T>, bytesOf: (result: T) => number): Promise<T>;
  /** The same blocks; waiting for each is counted. */
  blocks(work: Work, of: AsyncIterable<Uint8Array>): AsyncIterable<Uint8Array>;
}

/** Counts nothing, and costs a call for each chunk. */
export const NO_METER: Meter = {
  run: (_work, _bytes, task) => task(),
  wait: (_work, waited) => waited,
  blocks: (_work, of) => of,
};

interface Sums {
  times: number;
  wallMs: number;
  cpuMs: number | undefined;
  bytes: number;
}

/** Adds up what one thread does. */
export class WorkMeter implements Meter {
  readonly #sums = new Map<Work, Sums>();
  /** What work inside of the current one has taken. */
  #inside = { wallMs: 0, cpuMs: 0 };

  run<T>(work: Work, bytes: number, task: () => T): T {
    const around = this.#inside;
    this.#inside = { wallMs: 0, cpuMs: 0 };
    const [wallBefore, cpuBefore] = [performance.now(), threadCpuMs()];
    try {
      return task();
    } finally {
      const wallMs = performance.now() - wallBefore;
      const cpuMs = threadCpuMs() - cpuBefore;
      const inside = this.#inside;
      this.#add(work, {
        times: 1,
        wallMs: wallMs - inside.wallMs,
        cpuMs: cpuMs - inside.cpuMs,
        bytes,
      });
      this.#inside = { wallMs: around.wallMs + wallMs, cpuMs: around.cpuMs + cpuMs };
    }
  }

  async wait<T>(work: Work, waited: Promise<T>, bytesOf: (result: T) => number): Promise<T> {
    const began = performance.now();
    const result = await waited;
    const wallMs = performance.now() - began;
    this.#add(work, { times: 1, wallMs, cpuMs: undefined, bytes: bytesOf(result) });
    return result;
  }

  async *blocks(work: Work, of: AsyncIterable<Uint8Array>): AsyncIterable<Uint8Array> {
    let began = performance.now();
    for await (const block of of) {
      this.#add(work, { times: 1, wallMs: performance.now() - began, cpuMs: undefined, bytes: block.length });
      yield block;
      began = performance.now();
    }
  }

  /** In the order of WORKS; those that were done. */
  totals(): readonly WorkTotal[] {
    return WORKS.flatMap((work) => {
      const sums = this.#sums.get(work);
      return sums ? [{ work, ...sums }] : [];
    });
  }

  #add(work: Work, { times, wallMs, cpuMs, bytes }: Sums): void {
    const sums = this.#sums.get(work);
    if (!sums) {
      this.#sums.set(work, { times, wallMs, cpuMs, bytes });
      return;
    }
    sums.times += times;
    sums.wallMs += wallMs;
    sums.bytes += bytes;
    if (cpuMs !== undefined) sums.cpuMs = (sums.cpuMs ?? 0) + cpuMs;
  }
}

/** Totals of several threads as one. */
export function addTotals(all: readonly (readonly WorkTotal[])[]): readonly WorkTotal[] {
  const byWork = Map.groupBy(all.flat(), ({ work }) => work);
  return WORKS.flatMap((work) => {
    const found = byWork.get(work);
    if (!found) return [];
    const sum = (of: (total: WorkTotal) => number) => found.reduce((total, one) => total + of(one), 0);
    const isWaiting = found.every(({ cpuMs }) => cpuMs === undefined);
    return [
      {
        work,
        times: sum(({ times }) => times),
        wallMs: sum(({ wallMs }) => wallMs),
        cpuMs: isWaiting ? undefined : sum(({ cpuMs = 0 }) => cpuMs),
        bytes: sum(({ bytes }) => bytes),
      },
    ];
  });
}

/** Of the thread that asks. */
function threadCpuMs(): number {
  const { user, system } = process.threadCpuUsage();
  return (user + system) / 1000;
}
