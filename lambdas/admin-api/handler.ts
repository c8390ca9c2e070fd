import type { APIGatewayProxyStructuredResultV2, Context } from 'aws-lambda';
import type { AdminApiServer } from '../../shared/api/server/admin-api.ts';
import { problemResponse } from '../../shared/api/server/responses.ts';
import { SECOND_MS } from '../../shared/core/units.ts';
import { logger } from '../runtime/telemetry.ts';
import { fromGateway, type GatewayEvent, toGateway } from './gateway-event.ts';
import { openAdminApi } from './open-api.ts';

/** If opening failed, the next request tries again. */
let opened: Promise<AdminApiServer> | undefined;
/** Time kept for the response. */
const RESERVE_MS = SECOND_MS;

/** The admin API behind API Gateway: REST APIs and HTTP APIs. */
export async function handler(
  event: GatewayEvent,
  context: Pick<Context, 'getRemainingTimeInMillis'>,
): Promise<APIGatewayProxyStructuredResultV2> {
  const signal = AbortSignal.timeout(Math.max(SECOND_MS, context.getRemainingTimeInMillis() - RESERVE_MS));
  let asked: ReturnType<typeof fromGateway>;
  try {
    asked = fromGateway(event);
  } catch (error) {
    return toGateway(problemResponse(error));
  }
  try {
    opened ??= openAdminApi(process.env, signal);
    const api = await opened;
    return await toGateway(await api.handle(asked.request, { ...asked.context, signal }));
  } catch (error) {
    opened = undefined;
    logger.error('the admin API cannot be opened', { error: error as Error });
    return {
      statusCode: 503,
      headers: { 'content-type': 'application/problem+json', 'cache-control': 'no-store' },
      body: JSON.stringify({
        type: 'urn:holdfast:error:E_CONFIG',
        title: 'The admin API is not set up.',
        status: 503,
        detail: 'the admin API cannot be opened; its log says why',
        code: 'E_CONFIG',
        hint: null,
      }),
    };
  }
}
