import { type Forecast, monthlyCost, type StoragePrice, storedAfter, whenReached } from './forecast.ts';
import { bytes } from './human.ts';

const MONTH_DAYS = 30;
const YEAR_DAYS = 365;
const DATE = new Intl.DateTimeFormat('en-GB', { dateStyle: 'long', timeZone: 'UTC' });

/** How the repository grows, without a full stop: the same in console and command line. */
export function growthText({ bytesPerDay, leastPerDay, mostPerDay, days, from }: Forecast): string {
  const month = (perDay: number) => bytes(Math.abs(perDay * MONTH_DAYS));
  const by = `from what was stored on ${days} days since ${from}`;
  if (bytesPerDay === 0) return `does not grow, ${by}`;
  const [least, most] = [leastPerDay, mostPerDay].toSorted((a, b) => Math.abs(a) - Math.abs(b));
  const range = `${least !== undefined && Math.sign(least) === Math.sign(bytesPerDay) ? month(least) : '0 B'} to ${month(most ?? 0)}`;
  return `${bytesPerDay > 0 ? 'grows' : 'shrinks'} by about ${month(bytesPerDay)} a month (${range}), ${by}`;
}

/** When a size is reached, without a full stop. */
export function reachText(forecast: Forecast, wanted: number): string {
  const at = whenReached(forecast, wanted);
  if (at === 'now') return `${bytes(wanted)} is stored already`;
  if (at instanceof Date) return `${bytes(wanted)} about ${DATE.format(at)}`;
  return forecast.bytesPerDay > 0
    ? `${bytes(wanted)} not within ${forecast.horizonDays} days; the forecast ends there`
    : `${bytes(wanted)} never, at this rate`;
}

/** What storage costs, without a full stop. */
export function costText(stored: number, forecast: Forecast | undefined, price: StoragePrice): string {
  const inAYear = forecast && storedAfter(forecast, YEAR_DAYS);
  const cost = (size: number) => money(monthlyCost(size, price), price.currency);
  const later = inAYear === undefined ? '' : `, ${cost(inAYear)} in a year`;
  return `storage costs ${cost(stored)} a month now${later}, at ${money(price.perGibMonth, price.currency)} per GiB and month (${price.of})`;
}

const LEAST = 0.01;

/** `$1.23`, `€0.004`. */
export function money(amount: number, currency: string): string {
  const isSmall = amount > 0 && amount < LEAST;
  const digits = amount < 1 && !isSmall ? 3 : 2;
  const text = new Intl.NumberFormat('en', {
    style: 'currency',
    currency,
    minimumFractionDigits: 2,
    maximumFractionDigits: digits,
  }).format(isSmall ? LEAST : amount);
  return isSmall ? `less than ${text}` : text;
}
