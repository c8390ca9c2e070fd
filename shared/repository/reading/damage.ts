import { HoldfastError, isHoldfastError } from '../../core/errors.ts';

/** Whether an error says that what is stored is at fault. */
export { isDocumentProblem as isDamage } from '../../format/authenticated-json.ts';

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
