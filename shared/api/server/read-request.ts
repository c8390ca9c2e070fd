import type * as z from 'zod';
import { KiB } from '../../core/units.ts';
import type { ApiProblem } from '../schema/status.ts';
import { ApiError } from './api-error.ts';

const MOST_BODY_BYTES = 64 * KiB;
const MOST_QUERY_CHARS = 2000;
/** Most fields to name in one response. */
const MOST_FIELDS = 50;
const MOST_PROBLEM_CHARS = 300;

type Fields = NonNullable<ApiProblem['fields']>;

/** A request's query, parsed by its schema. @throws E_BAD_REQUEST naming every bad field */
export function readQuery(url: URL, schema: z.ZodType | undefined): unknown {
  if (url.search.length > MOST_QUERY_CHARS)
    throw new ApiError(
      'E_BAD_REQUEST',
      `the query has ${url.search.length} characters; allowed are ${MOST_QUERY_CHARS}`,
      {
        status: 414,
      },
    );
  const given = new Map<string, string>();
  for (const [name, value] of url.searchParams) {
    if (given.has(name) || !schema)
      throw bad([{ field: shown(name), problem: schema ? 'is given twice' : 'this route takes no query' }]);
    given.set(name, value);
  }
  return schema && parse(schema, Object.fromEntries(given));
}

/** A request's JSON, parsed by its schema. @throws E_BAD_REQUEST naming every bad field */
export async function readBody(request: Request, schema: z.ZodType | undefined): Promise<unknown> {
  if (!schema) return undefined;
  const type = request.headers.get('content-type') ?? '';
  if (!/^application\/json\s*(;|$)/i.test(type))
    throw new ApiError('E_BAD_REQUEST', 'the body must be JSON', {
      status: 415,
      hint: 'Send content-type: application/json.',
    });
  const text = await readText(request);
  return parse(schema, parseJson(text));
}

async function readText(request: Request): Promise<string> {
  if (Number(request.headers.get('content-length') ?? 0) > MOST_BODY_BYTES) throw tooLarge();
  const parts: Uint8Array[] = [];
  let size = 0;
  for await (const part of request.body ?? []) {
    size += part.length;
    if (size > MOST_BODY_BYTES) throw tooLarge();
    parts.push(part);
  }
  try {
    return new TextDecoder('utf-8', { fatal: true }).decode(Buffer.concat(parts));
  } catch (cause) {
    throw new ApiError('E_BAD_REQUEST', 'the body is not UTF-8', { cause });
  }
}

function parseJson(text: string): unknown {
  try {
    return JSON.parse(text);
  } catch (cause) {
    throw new ApiError('E_BAD_REQUEST', 'the body is not JSON', { cause });
  }
}

function parse(schema: z.ZodType, given: unknown): unknown {
  const parsed = schema.safeParse(given);
  if (parsed.success) return parsed.data;
  throw bad(parsed.error.issues.flatMap(fieldsOf).slice(0, MOST_FIELDS));
}

function fieldsOf(issue: z.core.$ZodIssue): Fields {
  const place = issue.path.map(String).join('.');
  if (issue.code === 'unrecognized_keys')
    return issue.keys.map((key) => ({
      field: shown(place === '' ? key : `${place}.${key}`),
      problem: 'is not a field of this request',
    }));
  return [{ field: shown(place) || '(the whole)', problem: issue.message.slice(0, MOST_PROBLEM_CHARS) }];
}

function shown(name: string): string {
  return name.slice(0, 100);
}

function bad(fields: Fields): ApiError {
  const said = fields.map(({ field, problem }) => `${field}: ${problem}`).join('; ');
  return new ApiError(
    'E_BAD_REQUEST',
    `the request has ${fields.length === 1 ? 'a bad field' : 'bad fields'}: ${said}`,
    {
      fields,
      hint: 'openapi.json has the schema of every request.',
    },
  );
}

function tooLarge(): ApiError {
  return new ApiError('E_BAD_REQUEST', `the body has more than ${MOST_BODY_BYTES} bytes`, { status: 413 });
}
