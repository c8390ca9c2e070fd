import { API_BASE } from '../../core/api-names.ts';
import { API_ROUTES, type ApiRoute, type RouteId } from '../schema/api.ts';
import { ApiError } from './api-error.ts';

const MOST_PATH_CHARS = 300;
/** The platform's `Request` takes none of these. */
const NO_METHODS = ['CONNECT', 'TRACE', 'TRACK'];

/** The route of a path, and what its path names. */
export interface Match {
  readonly id: RouteId;
  readonly route: ApiRoute;
  /** The decoded value of `{key}` or `{id}`; '' if the route has none. */
  readonly param: string;
}

/** The route of a request. @throws E_NO_ROUTE, E_BAD_REQUEST */
export function matchRoute(method: string, pathname: string): Match {
  const found = routesOf(pathname);
  const match = found.find(({ route }) => route.method === method || (method === 'HEAD' && hasHead(route)));
  if (match) return { ...match, param: decode(match.param) };
  throw methodNotAllowed(method, allowed(found));
}

/**
 * Refuses methods that no standard request can have, like any other method that a path lacks. @throws
 * E_NO_ROUTE, E_BAD_REQUEST
 */
export function refuseNoMethod(method: string, pathname: string): void {
  if (NO_METHODS.includes(method)) throw methodNotAllowed(method, allowed(routesOf(pathname)));
}

/** The error for a path that is there with other methods. */
export function methodNotAllowed(method: string, methods: readonly string[]): ApiError {
  const allow = methods.join(', ');
  const named = /^[A-Z]{1,10}$/.test(method) ? method : 'such method';
  return new ApiError('E_NO_ROUTE', `the route has no ${named}`, {
    status: 405,
    hint: `Allowed: ${allow}.`,
    headers: { allow },
  });
}

/** @throws E_NO_ROUTE if there is none */
function routesOf(pathname: string): readonly Match[] {
  if (pathname.length > MOST_PATH_CHARS)
    throw new ApiError(
      'E_BAD_REQUEST',
      `the path has ${pathname.length} characters; allowed are ${MOST_PATH_CHARS}`,
      { status: 414 },
    );
  const path = pathname.startsWith(`${API_BASE}/`) ? pathname.slice(API_BASE.length) : '';
  const found = (Object.entries(API_ROUTES) as [RouteId, ApiRoute][]).flatMap(([id, route]) => {
    const param = paramOf(route.path, path);
    return param === undefined ? [] : [{ id, route, param }];
  });
  if (found.length > 0) return found;
  throw new ApiError('E_NO_ROUTE', 'there is no such route', {
    hint: 'docs/reference/api.md lists the routes.',
  });
}

function allowed(found: readonly Match[]): readonly string[] {
  const methods = found.flatMap(({ route }) => (hasHead(route) ? ['GET', 'HEAD'] : [route.method]));
  return [...methods, 'OPTIONS'];
}

/** A HEAD request for a file would have it made; events have no end. */
function hasHead({ method, files, isEvents = false }: ApiRoute): boolean {
  return method === 'GET' && !files && !isEvents;
}

/** Undefined if the path does not match the template. */
function paramOf(template: string, path: string): string | undefined {
  const at = template.indexOf('{');
  if (at < 0) return path === template ? '' : undefined;
  const rest = path.slice(at);
  return path.startsWith(template.slice(0, at)) && rest !== '' ? rest : undefined;
}

function decode(text: string): string {
  try {
    return decodeURIComponent(text);
  } catch (cause) {
    throw new ApiError('E_BAD_REQUEST', 'the path is not URL-encoded', { cause });
  }
}
