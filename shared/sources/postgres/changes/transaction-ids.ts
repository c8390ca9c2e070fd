import * as z from 'zod';
import { HoldfastError } from '../../../core/errors.ts';

/** Which transactions a base has: `pg_current_snapshot()`, ids of 64 bits. */
export interface BaseSnapshot {
  /** All before it had ended. */
  readonly xmin: bigint;
  /** None from it on had. */
  readonly xmax: bigint;
  /** Those between that had not. */
  readonly running: ReadonlySet<bigint>;
}

const State = z.strictObject({ snapshot: z.string().regex(/^\d+:\d+:[\d,]*$/) });

/** What a base's join stores. @param snapshot as `pg_current_snapshot()` writes it: `780:790:781,785` */
export function encodeJoinState(snapshot: string): string {
  return JSON.stringify({ snapshot });
}

/** @throws E_DAMAGED */
export function decodeJoinState(text: string): BaseSnapshot {
  const [xmin = '', xmax = '', list = ''] = State.parse(parseJson(text)).snapshot.split(':');
  const running = list === '' ? [] : list.split(',').map(BigInt);
  return { xmin: BigInt(xmin), xmax: BigInt(xmax), running: new Set(running) };
}

function parseJson(text: string): unknown {
  try {
    const value: unknown = JSON.parse(text);
    if (State.safeParse(value).success) return value;
  } catch {
    // Said below.
  }
  throw new HoldfastError('E_DAMAGED', `'${text}' does not say which transactions a backup has`);
}

/** Whether the base has what the transaction did. @param xid of 32 bits, as the stream has it */
export function isInBase(snapshot: BaseSnapshot, xid: number): boolean {
  const id = widen(xid, snapshot.xmax);
  if (id < snapshot.xmin) return true;
  return id < snapshot.xmax && !snapshot.running.has(id);
}

const WRAP = 2n ** 32n;

/** The id of 64 bits that is nearest to `near`: ids in use are never further apart than half of a turn. */
export function widen(xid: number, near: bigint): bigint {
  const turn = near - (near % WRAP);
  const here = turn + BigInt(xid);
  if (here - near > WRAP / 2n) return here - WRAP;
  if (near - here > WRAP / 2n) return here + WRAP;
  return here;
}
