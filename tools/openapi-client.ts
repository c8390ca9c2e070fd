import { readFileSync } from 'node:fs';
import openapiTypescript from 'openapi-typescript';
import { API_BASE } from '../shared/core/api-names.ts';

/** The document that the client is made from. */
export const OPENAPI_FILE = 'docs/reference/openapi.json';
/** The types that are made of it. */
export const TYPES_FILE = 'console/api/generated/openapi.ts';
/** The table of routes that is made of it. */
export const TABLE_FILE = 'console/api/generated/operations.ts';

interface Document {
  readonly paths: Readonly<Record<string, Readonly<Record<string, { readonly operationId: string }>>>>;
}

/** Types of every operation, made by openapi-typescript of the document as it is published. */
export async function clientTypes(): Promise<string> {
  return openapiTypescript(published(), { immutableTypes: true, alphabetize: false });
}

/** Method and path of every operation, in the form that `biome` would give it. */
export function operationTable(): string {
  const { paths } = published();
  const rows = Object.entries(paths).flatMap(([path, methods]) =>
    Object.entries(methods).map(
      ([method, { operationId }]) =>
        `  ${operationId}: ['${method.toUpperCase()}', '${path.slice(API_BASE.length)}'],`,
    ),
  );
  return [
    '/** Method, and path below the base, of every operation. Made of docs/reference/openapi.json by `npm run openapi`. */',
    'export const OPERATIONS = {',
    ...rows,
    '} as const;',
    '',
  ].join('\n');
}

function published(): Document & Parameters<typeof openapiTypescript>[0] {
  return JSON.parse(readFileSync(OPENAPI_FILE, 'utf8'));
}
