import { hash } from 'node:crypto';
import { compareKeys } from './key-order.ts';

type Scalar = string | number | boolean;

/**
 * The hash that Google's clients compute of a node, of all that is below it and of all priorities (`Node.hash` of
 * firebase-js-sdk). An ETag that equals it stands for the whole node: nothing else would come to the same.
 *
 * @param json in export format
 */
export function nodeHash(json: string): string {
  return hashOf(JSON.parse(json));
}

function hashOf(value: unknown): string {
  if (value === null || value === undefined) return '';
  if (typeof value !== 'object') return sha1(textOf(value as Scalar));
  const members = value as Readonly<Record<string, unknown>>;
  const priority = own(members, '.priority');
  const before = priority === undefined ? '' : `priority:${textOf(priority as Scalar)}:`;
  const scalar = own(members, '.value');
  if (scalar !== undefined) return sha1(before + textOf(scalar as Scalar));
  const children = Object.keys(members).filter((key) => !key.startsWith('.'));
  const parts = children.sort(byPriority(members)).map((key) => `:${key}:${hashOf(members[key])}`);
  return sha1(before + parts.join(''));
}

/** Children without a priority come first, then numbers, then texts; equals by key. */
function byPriority(members: Readonly<Record<string, unknown>>): (a: string, b: string) => number {
  return (a, b) => {
    const [left, right] = [priorityOf(members[a]), priorityOf(members[b])];
    if (left === right) return compareKeys(a, b);
    const kinds = kindOf(left) - kindOf(right);
    if (kinds !== 0) return kinds;
    return (left ?? '') < (right ?? '') ? -1 : 1;
  };
}

function priorityOf(value: unknown): Scalar | undefined {
  if (typeof value !== 'object' || value === null) return undefined;
  return own(value as Readonly<Record<string, unknown>>, '.priority') as Scalar | undefined;
}

function kindOf(priority: Scalar | undefined): number {
  return ['undefined', 'boolean', 'number', 'string'].indexOf(typeof priority);
}

function own(members: Readonly<Record<string, unknown>>, key: string): unknown {
  return Object.hasOwn(members, key) ? members[key] : undefined;
}

function textOf(value: Scalar): string {
  if (typeof value !== 'number') return `${typeof value}:${value}`;
  const double = Buffer.alloc(8);
  double.writeDoubleBE(value);
  return `number:${double.toString('hex')}`;
}

function sha1(text: string): string {
  return text === '' ? '' : hash('sha1', text, 'base64');
}
