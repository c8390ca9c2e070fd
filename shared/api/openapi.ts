import * as z from 'zod';
import { API_ROUTES, type ApiRoute } from '../core/api.ts';
import { API_BASE } from '../core/api-names.ts';
import { EXPORT_FORMATS } from '../core/api-runs.ts';
import { ApiProblem } from '../core/api-status.ts';
import { EXPORT_TYPES } from '../core/export-types.ts';
import type { Json, JsonObject } from '../core/json.ts';
import { VERSION } from '../core/version.ts';

/** The OpenAPI 3.1 document of the admin API, made of the schemas that requests are checked by. */
export function openApi(): JsonObject {
  const paths: Record<string, Record<string, Json>> = {};
  for (const [id, route] of Object.entries(API_ROUTES) as [string, ApiRoute][]) {
    const path = API_BASE + route.path;
    paths[path] = { ...paths[path], [route.method.toLowerCase()]: operation(id, route) };
  }
  return {
    openapi: '3.1.0',
    info: {
      title: 'Holdfast admin API',
      version: VERSION,
      description: 'docs/api.md says who may do what, and what errors mean.',
    },
    servers: [{ url: '/' }],
    paths,
    components: {
      securitySchemes: {
        token: { type: 'http', scheme: 'bearer', description: 'of an OIDC issuer, or of holdfast serve' },
        signature: { type: 'apiKey', in: 'header', name: 'Authorization', description: 'AWS SigV4' },
      },
      schemas: { Problem: schema(ApiProblem, 'output') },
    },
  };
}

function operation(id: string, route: ApiRoute): JsonObject {
  const { summary, role, query, body } = route;
  return {
    operationId: id,
    summary,
    description: role === 'open' ? 'Needs no login, unless api.health is closed.' : `Needs the role ${role}.`,
    security: role === 'open' ? [] : [{ token: [] }, { signature: [] }],
    parameters: [...pathParameters(route), ...queryParameters(query)],
    ...(body
      ? {
          requestBody: { required: true, content: { 'application/json': { schema: schema(body, 'input') } } },
        }
      : {}),
    responses: responses(route),
  };
}

function pathParameters({ path }: ApiRoute): Json[] {
  const [, name] = /\{(\w+)\}/.exec(path) ?? [];
  if (name === undefined) return [];
  const description = name === 'key' ? 'Name or whole key of a backup; slashes encoded.' : 'Id of a run.';
  return [{ name, in: 'path', required: true, description, schema: { type: 'string' } }];
}

function queryParameters(query: z.ZodType | undefined): Json[] {
  if (!query) return [];
  const { properties = {}, required = [] } = schema(query, 'input') as {
    readonly properties?: JsonObject;
    readonly required?: readonly string[];
  };
  return Object.entries(properties).map(([name, of]) => ({
    name,
    in: 'query',
    required: required.includes(name),
    schema: of,
  }));
}

function responses({ answers, isFile = false }: ApiRoute): JsonObject {
  const files = isFile
    ? Object.fromEntries(EXPORT_FORMATS.map((format) => [EXPORT_TYPES[format].split(';')[0], {}]))
    : {};
  const good = Object.entries(answers).map(([status, answer]) => [
    status,
    {
      description: status === '202' ? 'Begun.' : status === '503' ? 'Failing.' : 'Done.',
      content: {
        'application/json': { schema: schema(answer, 'output') },
        ...(status === '200' ? files : {}),
      },
    },
  ]);
  const problem = { 'application/problem+json': { schema: { $ref: '#/components/schemas/Problem' } } };
  return { ...Object.fromEntries(good), default: { description: 'Refused, or failed.', content: problem } };
}

/** What `format` says already, the pattern says at length. */
function dropPattern({ jsonSchema }: { readonly jsonSchema: z.core.JSONSchema.BaseSchema }): void {
  if (jsonSchema.format !== undefined) delete jsonSchema.pattern;
}

function schema(of: z.ZodType, io: 'input' | 'output'): JsonObject {
  const { $schema: _, ...rest } = z.toJSONSchema(of, { io, override: dropPattern }) as JsonObject;
  return rest;
}
