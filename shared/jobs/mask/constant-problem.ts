import { isIP } from 'node:net';
import type { ColumnFacts } from '../../sources/table-facts.ts';

const NUMBER = /^-?(\d+)(\.\d+)?$/;
const DATE = /^(\d{4})-(\d\d)-(\d\d)(?![\d-])/;
const UUID = /^[0-9a-f]{8}(-[0-9a-f]{4}){3}-[0-9a-f]{12}$/;

type Test = (value: string, column: ColumnFacts) => string | undefined;

/** By what values of the column are; what the server alone knows, such as the values of an enum, is not looked at. */
const TESTS: Readonly<Record<ColumnFacts['kind'], Test>> = {
  text: (value, { most = Number.POSITIVE_INFINITY }) =>
    unless([...value].length <= most, `takes ${most} characters`),
  integer: (value, { bits = 31, type }) => unless(isWhole(value, bits), `takes whole numbers of ${type}`),
  decimal: (value, { wholeDigits: most = Number.POSITIVE_INFINITY }) =>
    numberProblem(value) ??
    unless(digitsBefore(value) <= most, `takes numbers of ${most} digits before the point`),
  float: numberProblem,
  date: (value, { years }) => unless(isDay(value, years), 'takes dates, as 2026-03-01'),
  bytes: (value) => unless(/^([0-9a-f]{2})*$/.test(value), 'takes bytes, as hexadecimal digits'),
  uuid: (value) => unless(UUID.test(value), 'takes UUIDs'),
  json: (value) => unless(isJson(value), 'takes JSON: {}, null, or "a text" in quotes of its own'),
  ip: (value) => unless(isIP(value.replace(/\/\d{1,3}$/, '')) > 0, 'takes addresses, as 10.0.0.1'),
  other: () => undefined,
};

/** Why a column cannot hold a value, as a clause. */
export function constantProblem(value: string, column: ColumnFacts): string | undefined {
  return TESTS[column.kind](value, column);
}

function unless(isSo: boolean, problem: string): string | undefined {
  return isSo ? undefined : problem;
}

function numberProblem(value: string): string | undefined {
  return unless(NUMBER.test(value), 'takes numbers');
}

/** Of either sign: below zero there is one number more. */
function isWhole(value: string, bits: number): boolean {
  if (!/^-?\d+$/.test(value)) return false;
  const number = BigInt(value);
  return (number < 0n ? -number - 1n : number) >> BigInt(bits) === 0n;
}

function digitsBefore(value: string): number {
  return (NUMBER.exec(value)?.[1] ?? '').replace(/^0+/, '').length;
}

/** Whether it begins with a day that there is. */
function isDay(value: string, [first, last]: readonly [number, number] = [1, 9999]): boolean {
  const [day = '', year] = DATE.exec(value) ?? [];
  const time = new Date(`${day}T00:00:00Z`);
  const isReal = !Number.isNaN(time.getTime()) && time.toISOString().startsWith(day);
  return day !== '' && isReal && Number(year) >= first && Number(year) <= last;
}

function isJson(value: string): boolean {
  try {
    JSON.parse(value);
    return true;
  } catch {
    return false;
  }
}
