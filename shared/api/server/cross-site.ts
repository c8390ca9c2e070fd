import type { ApiRoute } from '../schema/api.ts';
import { ApiError } from './api-error.ts';

/**
 * What begins or changes something, downloads too, is not asked for by pages of other sites: a browser says where a request comes
 * from, and an application's own login may come along with it.
 *
 * @throws E_FORBIDDEN
 */
export function refuseCrossSite(request: Request, route: ApiRoute, allowed: readonly string[]): void {
  const isReading = route.limit !== 'write' && !route.files;
  if (isReading || request.headers.get('sec-fetch-site') !== 'cross-site') return;
  const origin = request.headers.get('origin');
  if (origin !== null && allowed.includes(origin)) return;
  throw new ApiError('E_FORBIDDEN', 'a page of another site asked for that', {
    hint: 'Open it from the console, or name the origin of the page in api.corsOrigins.',
  });
}
