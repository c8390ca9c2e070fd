import { createHash } from 'node:crypto';

/**
 * Names a response's JSON by its `ETag`, or returns 304 if the client already has it. That saves only the
 * transfer: the response was computed, for this caller, at this moment. The time of checking (`now`) does not
 * make it different.
 */
export function conditional(request: Request, response: Response, document: object): Response {
  const json = JSON.stringify({ ...document, now: undefined });
  // Weak, as only the meaning is the same.
  const etag = `W/"${createHash('sha256').update(json).digest('base64url').slice(0, 22)}"`;
  response.headers.set('etag', etag);
  if (!hasIt(request.headers.get('if-none-match'), etag)) return response;
  void response.body?.cancel();
  const headers = new Headers(response.headers);
  headers.delete('content-type');
  return new Response(null, { status: 304, headers });
}

function hasIt(given: string | null, etag: string): boolean {
  if (given === null) return false;
  const opaque = (tag: string) => tag.trim().replace(/^W\//, '');
  return given.trim() === '*' || given.split(',').some((tag) => opaque(tag) === opaque(etag));
}
