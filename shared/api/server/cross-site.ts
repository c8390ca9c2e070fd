import type { ApiRoute } from '../schema/api.ts';
import { ApiError } from './api-error.ts';

/**
 * Pages of other sites may not start or change anything, or download: a browser says where a request comes
 * from, and the application's own login may come along with it.
 *
 * @throws E_FORBIDDEN
 */
export function refuseCrossSite(request: Request, route: ApiRoute, allowed: readonly string[]): void {
  const isReading = route.limit !== 'write' && !route.files;
  if (isReading || request.headers.get('sec-fetch-site') !== 'cross-site') return;
  const origin = request.headers.get('origin');
  if (origin !== null && allowed.includes(origin)) return;
  throw new ApiError('E_FORBIDDEN', 'a page of another site made this request', {
    hint: 'Open it from the console, or name the origin of the page in api.corsOrigins.',
  });
}
