import { HoldfastError } from '../core/errors.ts';
import { DAY_MS, HOUR_MS, MINUTE_MS } from '../core/units.ts';

const UNITS: Readonly<Record<string, number>> = { m: MINUTE_MS, h: HOUR_MS, d: DAY_MS };

const AGE = /^(\d{1,5})([mhd])$/;

/** Whether a text is an age such as `30m`, `12h` or `7d`. */
export function isAge(text: string): boolean {
  return AGE.test(text);
}

/** An age such as `30m`, `12h` or `7d`, in milliseconds. @throws E_USAGE */
export function ageOf(text: string): number {
  const [, count, unit = ''] = AGE.exec(text) ?? [];
  if (count !== undefined) return Number(count) * (UNITS[unit] ?? 0);
  throw new HoldfastError(
    'E_USAGE',
    `'${text}' is not an age; give a number followed by m, h or d, such as 7d`,
  );
}
