import { API_FUNCTION_NAMES, FUNCTION_NAMES, OPTIONAL_FUNCTION_NAMES } from '../../config/aws.ts';

/** Jobs whose functions take a doctor's event. The API only answers requests. */
export const EXAMINED_JOBS: readonly string[] = [
  ...FUNCTION_NAMES,
  ...OPTIONAL_FUNCTION_NAMES,
  ...API_FUNCTION_NAMES.filter((job) => job !== 'admin-api'),
];
