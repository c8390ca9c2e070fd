import type { Gtid } from './payloads.ts';

/**
 * When transactions ended, in microseconds of the epoch. MySQL 8 logs that. MariaDB logs in which second the last statement
 * began: the end of that second is taken, so that what is said to have ended by a moment surely had. A statement that took
 * longer ended later: no sooner than `after`, by when the log was read without it.
 */
export class CommitTimes {
  readonly #after: bigint;
  readonly #notAfter: bigint | undefined;

  /** @param after the server's clock when what came before was read. @param notAfter by when all had ended */
  constructor({
    after = 0n,
    notAfter,
  }: { readonly after?: bigint | undefined; readonly notAfter?: bigint | undefined }) {
    this.#after = after;
    this.#notAfter = notAfter;
  }

  /** @param seconds the event's time */
  of(gtid: Gtid | undefined, seconds: number): bigint {
    if (gtid?.committedAt !== undefined) return gtid.committedAt;
    const end = BigInt(seconds) * 1_000_000n + 999_999n;
    const latest = this.#notAfter !== undefined && end > this.#notAfter ? this.#notAfter : end;
    return latest < this.#after ? this.#after : latest;
  }
}

const FORM = /^(\d{4}-\d\d-\d\d)[T ](\d\d:\d\d:\d\d)(?:\.(\d{1,6})\d*)?Z?$/;

/** Of ISO in UTC, also with a blank as the server writes it. Undefined if it is no such text. */
export function microsOf(text: string): bigint | undefined {
  const [, day, time, fraction = ''] = FORM.exec(text) ?? [];
  const seconds = Date.parse(`${day}T${time}Z`);
  return Number.isNaN(seconds) ? undefined : BigInt(seconds) * 1000n + BigInt(fraction.padEnd(6, '0'));
}

/** `2026-11-29T09:15:30.000001Z` */
export function isoOf(micros: bigint): string {
  const seconds = micros / 1_000_000n;
  const fraction = String(micros % 1_000_000n).padStart(6, '0');
  return new Date(Number(seconds) * 1000).toISOString().replace(/\.\d+Z$/, `.${fraction}Z`);
}
