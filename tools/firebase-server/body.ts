import { parseExactly } from './exact-integers.ts';
import type { FirebaseServerOptions } from './options.ts';
import { Refusal } from './reply.ts';
import { keyFault, MAX_DEPTH } from './request.ts';

const MAX_STRING_BYTES = 10 * 1024 * 1024;

/** Parses and checks what a request wants written. @throws Refusal for what the database cannot hold */
export function parseBody(body: Buffer, { exactIntegers = false }: FirebaseServerOptions = {}): unknown {
  if (body.length === 0) throw new Refusal(400, 'Error: No data supplied.');
  try {
    const text = UTF8.decode(body);
    return exactIntegers ? parseExactly(text) : JSON.parse(text);
  } catch {
    throw new Refusal(400, "Invalid data; couldn't parse JSON object, array, or value.");
  }
}
const UTF8 = new TextDecoder('utf-8', { fatal: true });

/**
 * Checks keys, depth, strings, priorities.
 * @param depth of the place it is written to
 * @throws Refusal
 */
export function checkValue(value: unknown, depth: number, text: Buffer): void {
  if (typeof value === 'string' && Buffer.byteLength(value) > MAX_STRING_BYTES) {
    throw new Refusal(400, `Invalid data; string value exceeds the maximum of ${MAX_STRING_BYTES} bytes`);
  }
  if (typeof value !== 'object' || value === null) return;
  checkSpecial(value);
  for (const [key, child] of Object.entries(value)) {
    if (SPECIAL.has(key)) continue;
    checkKey(key, text);
    if (depth + 1 > MAX_DEPTH)
      throw new Refusal(400, `Invalid data; path exceeds the maximum depth of ${MAX_DEPTH}`);
    checkValue(child, depth + 1, text);
  }
}

const SPECIAL = new Set(['.priority', '.value', '.sv']);

/** Checks the members that say something of the node itself. */
function checkSpecial(value: object): void {
  const { '.priority': priority, '.value': scalar } = value as Record<string, unknown>;
  if (typeof scalar === 'object' && scalar !== null && !('.sv' in scalar)) {
    throw new Refusal(400, 'Invalid data; .value must be a string, a number or a boolean');
  }
  if (
    typeof priority === 'boolean' ||
    (typeof priority === 'object' && priority !== null && !('.sv' in priority))
  ) {
    throw new Refusal(400, 'Invalid data; .priority must be a string or a number');
  }
  const others = Object.keys(value).some((key) => !SPECIAL.has(key));
  if ('.value' in value && others)
    throw new Refusal(400, 'Invalid data; .value cannot have other children beside it');
}

/** Refuses a key that Firebase does not take, in the words of Firebase. */
export function checkKey(key: string, text: Buffer): void {
  const fault = keyFault(key);
  if (fault === undefined) return;
  throw new Refusal(
    400,
    fault === 'invalid'
      ? `Invalid data; couldn't parse key beginning at ${positionOf(key, text)}. Key value can't be empty or contain $ # [ ] / or .`
      : `Invalid data; key is longer than 768 bytes`,
  );
}

/** Line and column of a key in the text of a request, both from 1. */
function positionOf(key: string, text: Buffer): string {
  const at = Math.max(text.indexOf(JSON.stringify(key)), 0);
  const before = text.subarray(0, at).toString();
  return `${before.split('\n').length}:${at - Math.max(before.lastIndexOf('\n'), -1)}`;
}
