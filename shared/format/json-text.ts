import { HoldfastError } from '../core/errors.ts';
import type { Json } from '../core/json.ts';

/**
 * Our own documents are nested less than half as deeply; recursion over a deeper one could exhaust the stack.
 */
const MOST_LEVELS = 64;

/**
 * Parses JSON that somebody else may have written. @throws E_DAMAGED if it is not JSON, or is nested too
 * deeply
 */
export function parseJson(bytes: Uint8Array, what: string): Json {
  let value: Json;
  try {
    value = JSON.parse(Buffer.from(bytes.buffer, bytes.byteOffset, bytes.byteLength).toString('utf8'));
  } catch (cause) {
    throw new HoldfastError('E_DAMAGED', `${what} is not JSON`, { cause });
  }
  refuseDeep(value, what);
  return value;
}

/** Level by level, so that it needs no stack itself. */
function refuseDeep(value: Json, what: string): void {
  let level = [value].filter(isNest);
  for (let depth = 1; level.length > 0; depth++) {
    if (depth > MOST_LEVELS)
      throw new HoldfastError('E_DAMAGED', `${what} is nested more than ${MOST_LEVELS} levels deep`);
    level = level.flatMap((one) => Object.values<Json>(one).filter(isNest));
  }
}

function isNest(value: Json): value is Exclude<Json, string | number | boolean | null> {
  return typeof value === 'object' && value !== null;
}
