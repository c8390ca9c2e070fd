import type {
  APIGatewayProxyEvent,
  APIGatewayProxyEventV2,
  APIGatewayProxyStructuredResultV2,
} from 'aws-lambda';
import { ApiError } from '../../shared/api/server/api-error.ts';
import type { RequestContext } from '../../shared/api/server/caller.ts';
import { refuseNoMethod } from '../../shared/api/server/match-route.ts';
import { problemResponse } from '../../shared/api/server/responses.ts';
import { API_BASE, API_KEY_BASE } from '../../shared/core/api-names.ts';

/** API Gateway's event: from a REST API, or from an HTTP API with payload version 2.0. */
export type GatewayEvent = APIGatewayProxyEvent | APIGatewayProxyEventV2;

interface Parts {
  readonly method: string;
  readonly path: string;
  readonly query: string;
  readonly headers: Headers;
  readonly context: RequestContext;
}

/**
 * The event as a standard request. The gateway says who signed it, whatever the request says.
 *
 * @throws E_NO_ROUTE for a method that no route has
 */
export function fromGateway(event: GatewayEvent): {
  readonly request: Request;
  readonly context: RequestContext;
} {
  const { method, path, query, headers, context } = isVersion2(event)
    ? partsOfVersion2(event)
    : partsOfVersion1(event);
  const hasBody = method !== 'GET' && method !== 'HEAD' && event.body !== undefined && event.body !== null;
  const body = Buffer.from(event.body ?? '', event.isBase64Encoded ? 'base64' : 'utf8');
  const url = new URL(`${path}${query === '' ? '' : `?${query}`}`, 'https://gateway');
  const isOfKeys = url.pathname.startsWith(`${API_KEY_BASE}/`);
  // Also if `..` leads elsewhere: the gateway has checked no login.
  const takesKeysAlone = isOfKeys || path.startsWith(`${API_KEY_BASE}/`);
  if (isOfKeys) url.pathname = API_BASE + url.pathname.slice(API_KEY_BASE.length);
  refuseNoMethod(method, url.pathname);
  const request = new Request(url, { method, headers, ...(hasBody ? { body } : {}) });
  return { request, context: { ...context, takesKeysAlone } };
}

/** A function's response has at most 6 MB, including headers and quoting. */
const MOST_BODY_BYTES = 5_000_000;

/**
 * Both kinds of API take this form. A file that is too large, or cannot be read to its end, is refused whole.
 */
export async function toGateway(response: Response): Promise<APIGatewayProxyStructuredResultV2> {
  let body: string;
  try {
    body = await bodyOf(response);
  } catch (error) {
    return toGateway(problemResponse(error));
  }
  return {
    statusCode: response.status,
    headers: Object.fromEntries(response.headers),
    body,
    isBase64Encoded: false,
  };
}

async function bodyOf({ body }: Response): Promise<string> {
  const parts: Uint8Array[] = [];
  let size = 0;
  for await (const part of body ?? []) {
    size += part.length;
    if (size > MOST_BODY_BYTES)
      throw new ApiError('E_BAD_REQUEST', `the answer has more than ${MOST_BODY_BYTES} bytes`, {
        status: 422,
        hint: 'Ask for less, with from and to.',
      });
    parts.push(part);
  }
  return Buffer.concat(parts).toString();
}

function isVersion2(event: GatewayEvent): event is APIGatewayProxyEventV2 {
  return 'version' in event && event.version === '2.0';
}

function partsOfVersion2({
  rawPath,
  rawQueryString,
  headers,
  requestContext,
}: APIGatewayProxyEventV2): Parts {
  const { http, stage } = requestContext;
  const { iam } =
    (requestContext as { readonly authorizer?: { readonly iam?: { readonly userArn?: string } } })
      .authorizer ?? {};
  return {
    method: http.method,
    path: withoutStage(rawPath, stage),
    query: rawQueryString,
    headers: headersOf(headers),
    context: { clientAddress: http.sourceIp, gatewayIdentity: iam?.userArn },
  };
}

function partsOfVersion1(event: APIGatewayProxyEvent): Parts {
  const { httpMethod, path, headers, multiValueQueryStringParameters, requestContext } = event;
  const query = new URLSearchParams();
  for (const [name, values] of Object.entries(multiValueQueryStringParameters ?? {}))
    for (const value of values ?? []) query.append(name, value);
  const { sourceIp, userArn } = requestContext.identity;
  return {
    method: httpMethod,
    path: withoutStage(path, requestContext.stage),
    query: query.toString(),
    headers: headersOf(headers),
    context: { clientAddress: sourceIp, gatewayIdentity: userArn ?? undefined },
  };
}

/** The path begins with the stage if the API is called by its own name. */
function withoutStage(path: string, stage: string): string {
  return path.startsWith(`/${stage}/`) ? path.slice(stage.length + 1) : path;
}

function headersOf(given: Readonly<Record<string, string | undefined>> | null): Headers {
  const headers = new Headers();
  for (const [name, value] of Object.entries(given ?? {})) if (value !== undefined) headers.set(name, value);
  return headers;
}
