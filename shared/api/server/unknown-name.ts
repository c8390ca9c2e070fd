import { nearest } from '../../core/nearest.ts';
import { ApiError } from './api-error.ts';

const WHAT = { source: 'source', to: 'target', place: 'second place' } as const;

/** Names must match fully. */
export function unknownName(
  field: 'source' | 'to' | 'place',
  name: string,
  known: readonly string[],
): ApiError {
  const what = WHAT[field];
  const names = [...new Set(known)];
  const meant = nearest(name, names);
  const problem = `there is no ${what} '${name}'`;
  return new ApiError('E_UNKNOWN_NAME', problem, {
    fields: [{ field, problem }],
    hint:
      names.length === 0
        ? `No ${what} is configured (docs/reference/configuration.md).`
        : `${meant === undefined || meant === name ? '' : `Did you mean ${meant}? `}Allowed are: ${names.join(', ')}.`,
  });
}
