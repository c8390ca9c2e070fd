import { readFile } from 'node:fs/promises';
import path from 'node:path';
import type { BrowserContext, Route } from 'playwright-core';
import type { AdminApiServer } from '../../../shared/api/server/admin-api.ts';
import { API_BASE } from '../../../shared/core/api-names.ts';

/** Where the console is shown; no server is there, all is answered from this process. */
export const CONSOLE_URL = 'http://console.test/';

const TYPES: Readonly<Record<string, string>> = {
  '.html': 'text/html',
  '.js': 'text/javascript',
  '.css': 'text/css',
  '.svg': 'image/svg+xml',
};

/** What the API answers: as it is, with a failure, or never. */
export type ApiState = 'as it is' | 'failing' | 'silent';

export interface ConsoleAnswers {
  api: AdminApiServer;
  token: string;
  state: ApiState;
}

/** Answers the requests of a browser: the files of the console, its session, and the API. @param answers may be changed at any time */
export async function answerConsole(
  context: BrowserContext,
  folder: string,
  answers: ConsoleAnswers,
): Promise<void> {
  await context.route(`${CONSOLE_URL}**`, async (route) => {
    const { pathname } = new URL(route.request().url());
    if (pathname.startsWith(`${API_BASE}/`)) return answerApi(route, answers);
    if (pathname === '/config.json')
      return route.fulfill({ json: { apiBase: API_BASE, auth: { kind: 'token' } } });
    if (pathname.startsWith('/session'))
      return route.fulfill({ json: { token: answers.token, expiresAt: '2099-01-01T00:00:00.000Z' } });
    const file = path.join(folder, pathname === '/' ? 'index.html' : pathname);
    const contentType = TYPES[path.extname(file)] ?? 'application/octet-stream';
    await route.fulfill({ body: await readFile(file), contentType });
  });
}

async function answerApi(route: Route, { api, state }: ConsoleAnswers): Promise<void> {
  if (state === 'silent') return;
  if (state === 'failing')
    return route.fulfill({
      status: 502,
      contentType: 'application/problem+json',
      json: {
        type: 'urn:holdfast:error:E_STORE_UNAVAILABLE',
        title: 'The store cannot be reached.',
        status: 502,
        detail: 's3://backups did not answer within 30 s',
        code: 'E_STORE_UNAVAILABLE',
        hint: 'Check the network and the endpoint.',
      },
    });
  const asked = route.request();
  const body = asked.postData();
  const request = new Request(asked.url(), {
    method: asked.method(),
    headers: asked.headers(),
    ...(body === null ? {} : { body }),
  });
  const answer = await api.handle(request, { clientAddress: '127.0.0.1', gatewayIdentity: undefined });
  await route.fulfill({
    status: answer.status,
    headers: Object.fromEntries(answer.headers),
    body: await answer.text(),
  });
}
