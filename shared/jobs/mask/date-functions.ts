import { DAY_MS } from '../../core/units.ts';
import type { MaskFunction } from './mask-function.ts';

const DATE = /^(\d{4,6})-(\d\d)-(\d\d)(?!.*BC)(.*)$/;
/** Dates that are none: they say nothing of anybody. */
const NO_DATE = /^(-?infinity|0000-00-00.*)$/;
/** Of what cannot be read. */
const SOME_DAY = '2000-01-01';

/**
 * `date-shift`: a date at most this many days earlier or later, never the same; the time of day stays. All dates of a row are moved by the
 * same number of days, so that they keep their order.
 */
export function dateShift({
  days = 30,
  by,
}: {
  readonly days?: number | undefined;
  /** The column whose value decides, such as that of the person. @default the primary key */
  readonly by?: string | undefined;
}): MaskFunction {
  return {
    kinds: ['date'],
    isByValue: false,
    isDistinct: () => false,
    usesRow: true,
    make: ({ keyed, column, rowPlaces }) => {
      const [first, last] = column.years ?? [1, 9999];
      const places = by === undefined ? rowPlaces : rowPlaces.slice(0, 1);
      return (value, row) => {
        if (NO_DATE.test(value)) return value;
        const [, year, month, day, rest = ''] = DATE.exec(value) ?? [];
        if (year === undefined || month === '00' || day === '00')
          return SOME_DAY + value.replace(/^\S*/, '').replace(/ BC$/, '');
        const chosen = keyed.choice('date', row.seed(places, value), 2 * days);
        const shift = chosen < days ? chosen - days : chosen - days + 1;
        const at = Date.UTC(2000, 0, 1) + dayNumber(Number(year), Number(month), Number(day)) * DAY_MS;
        const moved = new Date(at + shift * DAY_MS);
        const year1 = moved.getUTCFullYear();
        const isThere = year1 >= Math.max(first, 1) && year1 <= last;
        return dateText(isThere ? moved : new Date(at - shift * DAY_MS)) + rest;
      };
    },
  };
}

/** Days since the first of January 2000. */
function dayNumber(year: number, month: number, day: number): number {
  const date = new Date(0);
  date.setUTCFullYear(year, month - 1, day);
  return Math.round((date.getTime() - Date.UTC(2000, 0, 1)) / DAY_MS);
}

function dateText(date: Date): string {
  const two = (number: number) => String(number).padStart(2, '0');
  const year = String(date.getUTCFullYear()).padStart(4, '0');
  return `${year}-${two(date.getUTCMonth() + 1)}-${two(date.getUTCDate())}`;
}
