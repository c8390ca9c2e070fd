import { HoldfastError } from '../../core/errors.ts';

/** For those who may not see rows as they are, if nothing masks them. */
export function notShown(): HoldfastError {
  return new HoldfastError('E_FORBIDDEN', 'rows are shown as they are to the role restorer only', {
    hint: 'Others see them masked if their source has masking rules; on AWS these are in a secret (docs/guide/look-inside.md).',
  });
}
