import type { ColumnFacts } from '../../sources/table-facts.ts';
import type { Keyed } from './keyed.ts';
import type { MaskFunction } from './mask-function.ts';

/** Parts of a ratio. */
const PARTS = 1_000_000;

/** `noise`: a number nearby, never the same, of the same sign. @param ratio of 1, at most */
export function noise({
  ratio = 0.1,
  by,
}: {
  readonly ratio?: number | undefined;
  readonly by?: string | undefined;
}): MaskFunction {
  const most = Math.max(1, Math.round(ratio * PARTS));
  return {
    kinds: ['integer', 'decimal', 'float'],
    isByValue: false,
    isDistinct: () => false,
    usesRow: true,
    make: ({ keyed, column, rowPlaces }) => {
      const places = by === undefined ? rowPlaces : rowPlaces.slice(0, 1);
      return (value, row) => {
        if (!/\d/.test(value)) return value;
        const parts = shareOf(
          keyed,
          `${row.seed(places, value)}\0${by === undefined ? column.name : ''}`,
          most,
        );
        return column.kind === 'float' ? nearFloat(value, parts, column) : nearDecimal(value, parts, column);
      };
    },
  };
}

/** From a tenth of the ratio to all of it, up or down. */
function shareOf(keyed: Keyed, seed: string, most: number): number {
  const least = Math.ceil(most / 10);
  const size = least + keyed.choice('noise', seed, most - least + 1);
  return keyed.choice('direction', seed, 2) === 0 ? size : -size;
}

function nearDecimal(value: string, parts: number, { kind, bits = 31, wholeDigits }: ColumnFacts): string {
  const [, sign = '', whole = '0', fraction = ''] = /^(-?)(\d+)(?:\.(\d*))?/.exec(value) ?? [];
  const number = BigInt(whole + fraction);
  const limit =
    kind === 'integer'
      ? (1n << BigInt(bits)) - 1n
      : 10n ** BigInt((wholeDigits ?? whole.length + 1) + fraction.length) - 1n;
  const step = (number * BigInt(parts)) / BigInt(PARTS);
  const up = step > 0n || number <= 1n;
  let size = step < 0n ? -step : step;
  if (size === 0n) size = 1n;
  const made = up && number + size <= limit ? number + size : number - size;
  const text = String(made < 0n ? number + size : made).padStart(fraction.length + 1, '0');
  const shown = fraction === '' ? text : `${text.slice(0, -fraction.length)}.${text.slice(-fraction.length)}`;
  return /[1-9]/.test(shown) ? sign + shown : shown;
}

/** Numbers that every database writes without an exponent. */
const PLAIN: readonly [least: number, most: number] = [1e-4, 1e6];

function nearFloat(value: string, parts: number, { digits = 15, isWidened = false }: ColumnFacts): string {
  const number = Number(value);
  if (!Number.isFinite(number)) return '0';
  const made = Number((number * (1 + parts / PARTS)).toPrecision(Math.min(digits, 12)));
  const size = Math.abs(made);
  const most = digits > 6 ? 1e15 : PLAIN[1];
  if (size < PLAIN[0] || size >= most) return number === 0 ? '1' : '0';
  return String(isWidened ? Math.fround(made) : made);
}
