import { readFileSync } from 'node:fs';
import { Ajv2020, type ValidateFunction } from 'ajv/dist/2020.js';
import addFormats from 'ajv-formats';
import { API_BASE } from '../../shared/core/api-names.ts';

/** As the document has it: read from its file, by nothing that made it. */
interface Document {
  readonly components: object;
  readonly paths: Readonly<Record<string, Readonly<Record<string, Operation>>>>;
}
interface Operation {
  readonly operationId: string;
  readonly responses: Readonly<Record<string, { readonly content?: Readonly<Record<string, Content>> }>>;
}
interface Content {
  readonly schema?: object;
}

const document = JSON.parse(readFileSync('docs/reference/openapi.json', 'utf8')) as Document;
const ajv = new Ajv2020({ strict: false, allErrors: true });
addFormats.default(ajv);
const compiled = new Map<object, ValidateFunction>();

/**
 * Fails for an answer of the API that docs/reference/openapi.json does not allow. The judge is ajv, on the document as it is published.
 *
 * @param path below the API's base, with its query
 */
export async function judge(method: string, path: string, answer: Response): Promise<void> {
  const operation = operationOf(method, path);
  if (!operation || answer.status === 304) return;
  const schema = schemaOf(operation, answer);
  const [type = ''] = (answer.headers.get('content-type') ?? '').split(';');
  const isDocument = type === 'application/json' || type === 'application/problem+json';
  if (!isDocument || method === 'HEAD' || answer.headers.has('content-disposition')) return;
  const validate = compiled.get(schema) ?? ajv.compile({ allOf: [schema], components: document.components });
  compiled.set(schema, validate);
  if (!validate(await answer.clone().json()))
    throw new Error(
      `${operation.operationId} ${answer.status} is not as docs/reference/openapi.json says: ${ajv.errorsText(validate.errors)}`,
    );
}

/** @throws where the document has no such status, or not of that type */
function schemaOf({ operationId, responses }: Operation, { status, headers }: Response): object {
  const [type = ''] = (headers.get('content-type') ?? '').split(';');
  const other = status < 400 ? undefined : responses['default'];
  const found = [responses[status], other].flatMap((one) => one?.content?.[type] ?? []);
  if (found[0]) return found[0].schema ?? {};
  throw new Error(`${operationId} ${status} ${type} is not in docs/reference/openapi.json`);
}

function operationOf(method: string, path: string) {
  const { pathname } = new URL(API_BASE + path, 'http://x');
  const verb = method === 'HEAD' ? 'get' : method.toLowerCase();
  const template = Object.keys(document.paths).find((one) =>
    new RegExp(`^${one.replace(/\{\w+\}/, '.+')}$`).test(pathname),
  );
  return template === undefined ? undefined : document.paths[template]?.[verb];
}
