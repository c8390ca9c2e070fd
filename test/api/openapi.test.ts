import { readFileSync } from 'node:fs';
import { expect, it } from 'vitest';
import { openApi } from '../../shared/api/openapi.ts';
import { API_ROUTES } from '../../shared/core/api.ts';
import { API_BASE } from '../../shared/core/api-names.ts';

const document = openApi() as {
  readonly paths: Record<string, Record<string, { readonly operationId: string }>>;
};

it('is what docs/openapi.json holds; else run: npm run openapi', () => {
  expect(JSON.parse(readFileSync('docs/openapi.json', 'utf8'))).toEqual(document);
});

it('has every route', () => {
  const operations = Object.values(document.paths).flatMap((path) => Object.values(path));
  expect(operations.map(({ operationId }) => operationId).sort()).toEqual(Object.keys(API_ROUTES).sort());
  expect(Object.keys(document.paths)).toContain(`${API_BASE}/download/{key}`);
});
