import { HoldfastError } from '../../../../core/errors.ts';
import { bytes as shownBytes } from '../../../../core/human.ts';
import { MiB } from '../../../../core/units.ts';
import type { LogPosition } from '../position.ts';
import type { RowsToApply } from './row-statements.ts';

/** An event of a transaction that is prepared: which table, or rows. */
export type PreparedEvent = { readonly map: Buffer } | { readonly rows: RowsToApply };

interface Prepared {
  readonly from: LogPosition;
  readonly events: readonly PreparedEvent[];
  readonly bytes: number;
}

/** They are in memory until they end: their rows count only then. */
const MOST_BYTES = 64 * MiB;

/** Transactions in two phases (XA) that are prepared and have not ended, by their id as the log has it. */
export class PreparedTransactions {
  readonly #byId = new Map<string, Prepared>();
  #bytes = 0;

  get ids(): readonly string[] {
    return [...this.#byId.keys()];
  }

  /** @throws E_SOURCE_UNSUPPORTED if there is too much to keep */
  add(id: string, from: LogPosition, events: readonly PreparedEvent[]): void {
    this.take(id);
    const bytes = events.reduce(
      (sum, event) => sum + ('map' in event ? event.map : event.rows.bytes).length,
      0,
    );
    this.#bytes += bytes;
    if (this.#bytes > MOST_BYTES)
      throw new HoldfastError(
        'E_SOURCE_UNSUPPORTED',
        `prepared transactions (XA) that have not ended have more than ${shownBytes(MOST_BYTES)} of changes, the most that is kept`,
        { hint: 'Restore to an earlier moment, or from a backup made after they ended.' },
      );
    this.#byId.set(id, { from, events, bytes });
  }

  /** Undefined if nobody knows it. */
  take(id: string): readonly PreparedEvent[] | undefined {
    const found = this.#byId.get(id);
    this.#byId.delete(id);
    this.#bytes -= found?.bytes ?? 0;
    return found?.events;
  }

  /** Where the first of them began. */
  get from(): LogPosition | undefined {
    // In the order in which they came.
    for (const { from } of this.#byId.values()) return from;
    return undefined;
  }
}

/** `X'31',X'',1` of `XA COMMIT X'31',X'',1`. */
export function xaId(sql: string): string {
  const [, id = ''] = /^\s*XA\s+\w+\s+(.*?)(?:\s+ONE\s+PHASE)?\s*$/is.exec(sql) ?? [];
  return id.replaceAll(/\s+/g, '').toLowerCase();
}
