import { createHash } from 'node:crypto';

/**
 * Names the JSON of an answer by its `ETag`, or says 304 if the request has the same already. Nothing is saved but the way:
 * the answer was made, for this caller, as it is now. When somebody looked (`now`) makes it no other answer.
 */
export function conditional(request: Request, response: Response, document: object): Response {
  const json = JSON.stringify({ ...document, now: undefined });
  // Weak, as only what it means is the same.
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
