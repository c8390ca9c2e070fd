import { createHash } from 'node:crypto';
import * as z from 'zod';
import { HoldfastError } from '../../../core/errors.ts';
import type { JsonObject } from '../../../core/json.ts';
import type { Session } from '../connection/connection.ts';
import { quoteText } from '../text/identifiers.ts';

const Handle = z.strictObject({
  gathering: z.string().regex(/^[0-9a-f]{16}$/),
  holder: z.string().regex(/^\d+$/),
  tables: z.array(z.string()),
  digest: z.string().regex(/^[0-9a-f]{64}$/),
});

/** Where the processes of one backup find each other. */
export interface GatheringPlace {
  /** Chosen at random for this backup: part of the names of its flags. */
  readonly gathering: string;
  /** The connection of the process that gathers the others. */
  readonly holder: string;
  /** Tables that were planned, those without rows of their own too. */
  readonly tables: readonly string[];
  /** Of what they were then. */
  readonly digest: string;
}

export function encodePlace({ gathering, holder, tables, digest }: GatheringPlace): JsonObject {
  return { gathering, holder, tables: [...tables], digest };
}

/** @throws E_DAMAGED */
export function decodePlace(handle: JsonObject): GatheringPlace {
  const parsed = Handle.safeParse(handle);
  if (parsed.success) return parsed.data;
  throw new HoldfastError('E_DAMAGED', 'this is not the handle of a gathering', { cause: parsed.error });
}

/**
 * Flags that sessions of one server show each other, without any right and without writing: locks by name (GET_LOCK).
 * A flag that is up was raised by a session that is alive, and says that something was done. That one is down says nothing:
 * so a session that dies takes back what it said, and never says anything by that. Sessions of other servers do not see it.
 */
export class Flags {
  readonly #gathering: string;

  constructor(gathering: string) {
    this.#gathering = gathering;
  }

  /** @throws E_SOURCE_LOST if another session has it up, E_SOURCE_*, E_ABORTED */
  async raise(session: Session, flag: string, signal: AbortSignal): Promise<void> {
    const [row] = await session.query<{ got: string | null }>(
      `SELECT GET_LOCK(${this.#nameOf(flag)}, 0) AS got`,
      signal,
    );
    if (row?.got === '1') return;
    throw new HoldfastError('E_SOURCE_LOST', `another process of this backup stands for ${flag} already`, {
      hint: 'Run it again; nothing of this run was listed.',
    });
  }

  /** The connection that has each of them up, in their order; undefined for one that is down. */
  async look(
    session: Session,
    flags: readonly string[],
    signal: AbortSignal,
  ): Promise<readonly (string | undefined)[]> {
    const columns = flags.map((flag, i) => `IS_USED_LOCK(${this.#nameOf(flag)}) AS f${i}`);
    const [row] = await session.query(`SELECT ${columns.join(', ')}`, signal);
    return flags.map((_, i) => row?.[`f${i}`] ?? undefined);
  }

  /** Names of locks have 64 characters at most. */
  #nameOf(flag: string): string {
    return quoteText(`holdfast:${this.#gathering}:${flag}`);
  }
}

/** What the processes of a gathering say to each other. */
export const FLAG = {
  /** Up from first to last. */
  holder: 'holder',
  /** All sessions of a share are open. */
  ready: (share: number) => `${share}:ready`,
  /** Begin transactions, one after the other, and say at which places of the binary log. */
  sample: (round: number) => `sample:${round}`,
  /** A share has a session at that place. */
  at: (share: number, round: number, position: string) => `${share}:${round}:${short(position)}`,
  /** A share has said all of its places. */
  sampled: (share: number, round: number) => `${share}:${round}:sampled`,
  /** All shares have a session at that place, and keep it. */
  chosen: (round: number, position: string) => `chosen:${round}:${short(position)}`,
  /** Raised by the session that holds the lock on the tables: begin now. */
  locked: 'locked',
  /** A share has begun, having seen `locked` before. */
  begun: (share: number) => `${share}:begun`,
  /** All of them see the same, and what was planned is there. */
  done: 'done',
  /** A share has seen `done`. */
  joined: (share: number) => `${share}:joined`,
} as const;

function short(position: string): string {
  return createHash('sha256').update(position).digest('hex').slice(0, 16);
}
