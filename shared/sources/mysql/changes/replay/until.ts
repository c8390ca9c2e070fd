import { HoldfastError } from '../../../../core/errors.ts';
import type { ReplayUntil } from '../../../changes.ts';
import type { CommitTimes } from '../log/commit-time.ts';
import { microsOf } from '../log/commit-time.ts';
import type { Gtid } from '../log/payloads.ts';

/** Decides before which transaction a replay stops. */
export class Until {
  readonly #at: bigint | undefined;
  readonly #before: { readonly stream: string; readonly number: bigint; readonly text: string } | undefined;

  /** @throws E_USAGE for a moment or an id that is none */
  constructor({ at, beforeTransaction }: ReplayUntil) {
    this.#at = at === undefined ? undefined : moment(at);
    this.#before = beforeTransaction === undefined ? undefined : parseId(beforeTransaction);
  }

  /** The transaction that was asked for. */
  get transaction(): string | undefined {
    return this.#before?.text;
  }

  /** @param seconds the time of the event that begins the transaction */
  isReached(gtid: Gtid | undefined, seconds: number, times: CommitTimes): boolean {
    if (this.isBehind(gtid)) return true;
    return this.#at !== undefined && times.of(gtid, seconds) > this.#at;
  }

  /** Whether it is the transaction that was asked for, or one behind it: those of other databases are not stored. */
  isBehind(gtid: Gtid | undefined): boolean {
    const before = this.#before;
    return gtid !== undefined && before?.stream === gtid.stream && gtid.number >= before.number;
  }
}

function moment(text: string): bigint {
  const micros = microsOf(text);
  if (micros !== undefined) return micros;
  throw new HoldfastError(
    'E_USAGE',
    `${JSON.stringify(text)} is no moment such as 2026-11-29T09:15:30.000001Z`,
  );
}

function parseId(text: string): { readonly stream: string; readonly number: bigint; readonly text: string } {
  const [, domain, mariaNumber] = /^(\d{1,10})-\d{1,10}-(\d{1,20})$/.exec(text) ?? [];
  if (domain !== undefined && mariaNumber !== undefined)
    return { stream: domain, number: BigInt(mariaNumber), text };
  const [, source, number] = /^([0-9a-f]{8}(?:-[0-9a-f]{4}){3}-[0-9a-f]{12}):(\d{1,19})$/i.exec(text) ?? [];
  if (source !== undefined && number !== undefined)
    return { stream: source.toLowerCase(), number: BigInt(number), text };
  throw new HoldfastError('E_USAGE', `${JSON.stringify(text)} is no transaction's id (GTID)`, {
    hint: 'Write it as the server does: 0-1-42 (MariaDB), 3e11fa47-71ca-11e1-9e33-c80aa9429562:23 (MySQL).',
  });
}
