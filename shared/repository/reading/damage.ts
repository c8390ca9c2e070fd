import { HoldfastError, isHoldfastError } from '../../core/errors.ts';

/** Whether an error means that something stored is damaged. */
export { isDocumentProblem as isDamage } from '../../format/authenticated-json.ts';

/** Damage by absence: a copy of the object would repair it. */
export function missing(object: string, cause?: unknown): HoldfastError {
  return new HoldfastError('E_DAMAGED', `${object} is missing`, {
    cause,
    hint: 'Restore it from a copy or an older version of the bucket, or restore another backup.',
    details: { isMissing: true },
  });
}

/** An object that is missing or short counts as damage where it is needed. */
export function asDamage(error: unknown, object: string): unknown {
  if (isHoldfastError(error, 'E_OBJECT_NOT_FOUND')) return missing(object, error);
  if (!isHoldfastError(error, 'E_RANGE')) return error;
  return new HoldfastError('E_DAMAGED', `${object} is shorter than it was`, {
    cause: error,
    hint: 'Restore it from a copy or an older version of the bucket, or restore another backup.',
  });
}
