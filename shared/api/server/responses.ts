import { problemOf } from './api-error.ts';
import { SECURITY_HEADERS } from './headers.ts';

type Headers = Readonly<Record<string, string>>;

/** A response of JSON, with the headers that keep browsers from doing anything else with it. */
export function jsonResponse(status: number, document: unknown, headers: Headers = {}): Response {
  return new Response(JSON.stringify(document), {
    status,
    headers: { ...SECURITY_HEADERS, 'content-type': 'application/json', ...headers },
  });
}

/** An error's response, as problem details. */
export function problemResponse(error: unknown, headers: Headers = {}): Response {
  const { problem, headers: own } = problemOf(error);
  const type = { 'content-type': 'application/problem+json' };
  return jsonResponse(problem.status, problem, { ...own, ...headers, ...type });
}

/** The response to HEAD: the same without its body. */
export function withoutBody(response: Response): Response {
  void response.body?.cancel();
  return new Response(null, { status: response.status, headers: response.headers });
}
