import { readFileSync } from 'node:fs';
import { Validator } from '@seriousme/openapi-schema-validator';
import { expect, it } from 'vitest';
import { API_ROUTES } from '../../../shared/api/schema/api.ts';
import { openApi } from '../../../shared/api/server/openapi.ts';
import { API_BASE } from '../../../shared/core/api-names.ts';
import { clientTypes, operationTable, TABLE_FILE, TYPES_FILE } from '../../../tools/openapi-client.ts';

const document = openApi() as {
  readonly paths: Record<string, Record<string, { readonly operationId: string }>>;
};

it('is what docs/reference/openapi.json holds; else run: npm run openapi', () => {
  expect(JSON.parse(readFileSync('docs/reference/openapi.json', 'utf8'))).toEqual(document);
});

it('is what the client of the console was generated from; else run: npm run openapi', async () => {
  expect(readFileSync(TYPES_FILE, 'utf8')).toBe(await clientTypes());
  expect(readFileSync(TABLE_FILE, 'utf8')).toBe(operationTable());
});

it('is valid by the rules of OpenAPI, as a validator of others has them', async () => {
  const validator = new Validator();
  const { valid, errors } = await validator.validate(
    JSON.parse(readFileSync('docs/reference/openapi.json', 'utf8')),
  );
  expect(errors ?? []).toEqual([]);
  expect([valid, validator.version]).toEqual([true, '3.1']);
});

it('has every route', () => {
  const operations = Object.values(document.paths).flatMap((path) => Object.values(path));
  expect(operations.map(({ operationId }) => operationId).sort()).toEqual(Object.keys(API_ROUTES).sort());
  expect(Object.keys(document.paths)).toContain(`${API_BASE}/download/{key}`);
});
