import { type ErrorCode, HoldfastError, isHoldfastError } from '../core/errors.ts';

const DAMAGE: readonly ErrorCode[] = ['E_DAMAGED', 'E_WRONG_KEY', 'E_NEWER_FORMAT', 'E_FOREIGN_REPOSITORY'];

/**
 * Whether an error says that what is stored is at fault. A wrong root key is found out when a repository is opened: after
 * that, an object that was sealed with another key is not the one that was written.
 */
export function isDamage(error: unknown): error is HoldfastError {
  return isHoldfastError(error) && DAMAGE.includes(error.code);
}

/** Damage by absence: a copy of the object would mend it. */
export function missing(object: string, cause?: unknown): HoldfastError {
  return new HoldfastError('E_DAMAGED', `${object} is missing`, {
    cause,
    hint: 'Bring it back from a copy or an older version of the bucket, or restore another backup.',
    details: { isMissing: true },
  });
}

/** An object that is missing or short is damage to whoever needs it. */
export function asDamage(error: unknown, object: string): unknown {
  if (isHoldfastError(error, 'E_OBJECT_NOT_FOUND')) return missing(object, error);
  if (!isHoldfastError(error, 'E_RANGE')) return error;
  return new HoldfastError('E_DAMAGED', `${object} is shorter than it was`, {
    cause: error,
    hint: 'Bring it back from a copy or an older version of the bucket, or restore another backup.',
  });
}
