import type { ColumnFacts, ValueKind } from '../../sources/table-facts.ts';
import type { Keyed } from './keyed.ts';

/** Bits of a value's HMAC that make different values different: 20 letters of base 32. */
export const DISTINCT_LETTERS = 20;

/** The row that a value is in, as it is in the backup. */
export interface MaskedRow {
  /** What tells it from others: the values of these columns; of none, the value that is masked. */
  seed(places: readonly number[], value: string): string;
}

/** What becomes of a value that is not NULL; null for NULL. */
export type Mask = (value: string, row: MaskedRow) => string | null;

/** What a function is made with. */
export interface MaskAbout {
  readonly keyed: Keyed;
  /** The column, with the limits of all columns that it has to agree with. */
  readonly column: ColumnFacts;
  /** Places of the columns that tell rows apart: of one column that was named, or of the primary key. */
  readonly rowPlaces: readonly number[];
}

/** A way to mask. The engine asks only these; it never asks which function it has. */
export interface MaskFunction {
  readonly kinds: readonly ValueKind[];
  /** Equal values get equal masks, whatever row they are in: joins hold. */
  readonly isByValue: boolean;
  /** Different values get different masks: unique keys hold. */
  isDistinct(column: ColumnFacts): boolean;
  /** How many letters at the front differ for different values. @default all that it writes */
  readonly distinctWithin?: number;
  /** Its result depends on which row the value is in. @default false */
  readonly usesRow?: boolean;
  /** Why it cannot be used on the column: a clause such as `needs 33 characters`. */
  problem?(column: ColumnFacts): string | undefined;
  make(about: MaskAbout): Mask;
}

/** What HMAC and permutations are taken of: the same text for values that are equal to the database. */
export function canonical(value: string, { kind, isCaseless, isPadded }: ColumnFacts): string {
  if (kind === 'decimal' && value.includes('.')) return value.replace(/\.?0+$/, '');
  if (kind !== 'text') return value;
  const trimmed = isPadded || isCaseless ? value.replace(/ +$/, '') : value;
  return isCaseless ? trimmed.toLowerCase() : trimmed;
}
