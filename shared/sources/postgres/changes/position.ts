import { HoldfastError } from '../../../core/errors.ts';
import type { ChangePosition } from '../../changes.ts';

/**
 * A place in the write-ahead log of one server. An LSN alone would not do: another server, or the same one after it was rolled
 * back or promoted, has the same LSNs with other contents.
 */
export interface Place {
  /** `system_identifier` of the server; `0` if it does not tell. */
  readonly system: string;
  readonly timeline: number;
  readonly lsn: bigint;
}

const TEXT = /^(\d{1,20})-(\d{1,10})-([0-9A-F]{16})$/;

/** `7412345678901234567-1-00000000016B3748`: system, timeline, LSN. */
export function formatPlace({ system, timeline, lsn }: Place): ChangePosition {
  return `${system}-${timeline}-${lsn.toString(16).toUpperCase().padStart(16, '0')}`;
}

/** @throws E_DAMAGED */
export function parsePlace(position: ChangePosition): Place {
  const [, system = '', timeline, lsn] = TEXT.exec(position) ?? [];
  if (lsn === undefined)
    throw new HoldfastError('E_DAMAGED', `'${position}' is not a position in the log of a PostgreSQL server`);
  return { system, timeline: Number(timeline), lsn: BigInt(`0x${lsn}`) };
}

/** Whether both are places in one history. */
export function isSameHistory(a: Place, b: Place): boolean {
  return a.system === b.system && a.timeline === b.timeline;
}

/** Of two histories, the later timeline comes last. Pure. */
export function comparePositions(a: ChangePosition, b: ChangePosition): number {
  const [one, other] = [parsePlace(a), parsePlace(b)];
  if (one.system !== other.system) return one.system < other.system ? -1 : 1;
  if (one.timeline !== other.timeline) return one.timeline - other.timeline;
  return Number(one.lsn - other.lsn);
}

/** As the server writes it: `0/16B3748`. */
export function formatLsn(lsn: bigint): string {
  return `${(lsn >> 32n).toString(16).toUpperCase()}/${(lsn & 0xffff_ffffn).toString(16).toUpperCase()}`;
}

/** @throws E_DAMAGED */
export function parseLsn(text: string): bigint {
  const [, high, low] = /^([0-9A-F]{1,8})\/([0-9A-F]{1,8})$/i.exec(text) ?? [];
  if (high === undefined || low === undefined)
    throw new HoldfastError('E_DAMAGED', `'${text}' is not an LSN`);
  return (BigInt(`0x${high}`) << 32n) | BigInt(`0x${low}`);
}
