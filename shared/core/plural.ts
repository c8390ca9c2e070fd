export function number(count: number): string {
  return count.toLocaleString('en-US');
}

/** `1 table`, `2,000 tables`. */
export function plural(count: number, noun: string): string {
  return `${number(count)} ${noun}${count === 1 ? '' : 's'}`;
}
