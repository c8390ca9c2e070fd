/** `2,500,000`, of a whole number. Not by `toLocaleString`, which takes a fortieth of a second to load at its first call. */
export function number(count: number): string {
  return String(count).replaceAll(/\B(?=(?:\d{3})+$)/g, ',');
}

/** `1 table`, `2,000 tables`. */
export function plural(count: number, noun: string): string {
  return `${number(count)} ${noun}${count === 1 ? '' : 's'}`;
}
