import * as z from 'zod';
import { API_BASE } from '../../core/api-names.ts';
import { EXPORT_TYPES } from '../../core/export-types.ts';
import type { Json, JsonObject } from '../../core/json.ts';
import { VERSION } from '../../core/version.ts';
import { API_ROUTES, type ApiRoute } from '../schema/api.ts';
import { ApiProblem } from '../schema/status.ts';

/** The OpenAPI 3.1 document of the admin API, derived from the schemas that check requests. */
export function openApi(): JsonObject {
  const schemas = new Components();
  schemas.of(ApiProblem, 'output');
  const paths: Record<string, Record<string, Json>> = {};
  for (const [id, route] of Object.entries(API_ROUTES) as [string, ApiRoute][]) {
    const path = API_BASE + route.path;
    paths[path] = { ...paths[path], [route.method.toLowerCase()]: operation(id, route, schemas) };
  }
  return {
    openapi: '3.1.0',
    info: {
      title: 'Holdfast admin API',
      version: VERSION,
      description: 'docs/reference/api.md says who may do what, and explains the errors.',
    },
    servers: [{ url: '/' }],
    paths,
    components: {
      securitySchemes: {
        token: {
          type: 'http',
          scheme: 'bearer',
          description: 'from an OIDC issuer or from holdfast serve, or an API key',
        },
        signature: { type: 'apiKey', in: 'header', name: 'Authorization', description: 'AWS SigV4' },
      },
      headers: { ETag: ETAG },
      schemas: schemas.named,
    },
  };
}

/** What a login for some sources gets. */
const SCOPES: Readonly<Record<ApiRoute['scope'], string>> = {
  own: '',
  all: ' Not for logins with only some sources.',
  people: ' Not for API keys.',
};

function operation(id: string, route: ApiRoute, schemas: Components): JsonObject {
  const { summary, role, scope, query, body } = route;
  return {
    operationId: id,
    summary,
    description: `${role === 'open' ? 'Needs no login, unless api.health is closed.' : `Needs the role ${role}.`}${SCOPES[scope]}`,
    security: role === 'open' ? [] : [{ token: [] }, { signature: [] }],
    parameters: [...pathParameters(route), ...queryParameters(query, schemas), ...headerParameters(route)],
    ...(body
      ? {
          requestBody: {
            required: true,
            content: { 'application/json': { schema: schemas.of(body, 'input') } },
          },
        }
      : {}),
    responses: responses(route, schemas),
  };
}

const PARAMETERS: Readonly<Record<string, string>> = {
  key: 'Name or whole path of a backup; slashes encoded.',
  source: 'Name of a configured source.',
  report: 'Name or whole path of a drill report; slashes encoded.',
};

function pathParameters({ path }: ApiRoute): Json[] {
  const [, name] = /\{(\w+)\}/.exec(path) ?? [];
  if (name === undefined) return [];
  const id = path.startsWith('/api-keys/') ? 'Id of an API key.' : 'Id of a run.';
  const description = PARAMETERS[name] ?? id;
  return [{ name, in: 'path', required: true, description, schema: { type: 'string' } }];
}

function queryParameters(query: z.ZodType | undefined, schemas: Components): Json[] {
  if (!query) return [];
  const { properties = {}, required = [] } = schemas.of(query, 'input') as {
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

/** Headers that make a request safe to repeat, and a response short if it is already known. */
function headerParameters({ method, files, isEvents = false }: ApiRoute): Json[] {
  const header = (name: string, description: string, schema: JsonObject) => ({
    name,
    in: 'header',
    required: false,
    description,
    schema,
  });
  if (method === 'POST') {
    const key = { type: 'string', minLength: 1, maxLength: 257 };
    return [header('Idempotency-Key', 'The same request with the same key starts nothing again.', key)];
  }
  if (method !== 'GET' || files || isEvents) return [];
  return [
    header('If-None-Match', 'An ETag of an earlier response: 304 if it is the same.', { type: 'string' }),
  ];
}

const ETAG: JsonObject = {
  description: 'Identifies the content of the response.',
  schema: { type: 'string' },
};

function responses(
  { method, answers, files: formats = [], isEvents = false }: ApiRoute,
  schemas: Components,
): JsonObject {
  const isRead = method === 'GET' && formats.length === 0 && !isEvents;
  const headers: JsonObject = isRead ? { headers: { ETag: { $ref: '#/components/headers/ETag' } } } : {};
  const files = Object.fromEntries(formats.map((format) => [EXPORT_TYPES[format].split(';')[0], {}]));
  const good = Object.entries(answers).map(([status, answer]) => [
    status,
    {
      description: status === '202' ? 'Begun.' : status === '503' ? 'Failing.' : 'Done.',
      content: {
        'application/json': { schema: schemas.of(answer, 'output') },
        ...(status === '200' ? files : {}),
      },
      ...(status === '200' ? headers : {}),
    },
  ]);
  const problem = { 'application/problem+json': { schema: { $ref: '#/components/schemas/Problem' } } };
  const same: JsonObject = isRead ? { 304: { description: 'Unchanged.' } } : {};
  const events = isEvents
    ? {
        200: { description: 'The events.', content: { 'text/event-stream': { schema: { type: 'string' } } } },
      }
    : {};
  const file = formats.length > 0 ? { 200: { description: 'The file.', content: files } } : {};
  return {
    ...events,
    ...file,
    ...Object.fromEntries(good),
    ...same,
    default: { description: 'Refused, or failed.', content: problem },
  };
}

/** The pattern only repeats what `format` says. */
function dropPattern({ jsonSchema }: { readonly jsonSchema: z.core.JSONSchema.BaseSchema }): void {
  if (jsonSchema.format !== undefined) delete jsonSchema.pattern;
}

/** Schemas of the document. Those with an id of their own (`meta`) appear once, under that name. */
class Components {
  readonly named: Record<string, Json> = {};

  of(type: z.ZodType, io: 'input' | 'output'): JsonObject {
    const made = z.toJSONSchema(type, { io, override: dropPattern }) as JsonObject;
    const { $schema: _, $defs = {}, id, ...schema } = inComponents(made) as Record<string, Json>;
    for (const [name, inner] of Object.entries($defs as JsonObject)) this.#keep(name, inner as JsonObject);
    return typeof id === 'string' ? this.#keep(id, schema) : schema;
  }

  #keep(name: string, { id: _, ...schema }: JsonObject): JsonObject {
    const known = this.named[name];
    if (/^__/.test(name) || (known !== undefined && JSON.stringify(known) !== JSON.stringify(schema)))
      throw new Error(`two schemas have the name ${name}, or one needs a name`);
    this.named[name] = schema;
    return { $ref: `#/components/schemas/${name}` };
  }
}

/** Turns references inside one schema into references inside the document. */
function inComponents(schema: JsonObject): JsonObject {
  return JSON.parse(JSON.stringify(schema).replaceAll('"#/$defs/', '"#/components/schemas/'));
}
