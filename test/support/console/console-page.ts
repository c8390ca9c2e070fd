import type { BrowserContext, Page, Response as PageResponse } from 'playwright-core';
import { API_BASE } from '../../../shared/core/api-names.ts';
import { judge } from '../openapi-judge.ts';
import { isFull } from '../repository/torture.ts';

/** A machine may be busy. */
const PATIENCE_MS = 45_000;

/**
 * @param complaints is told what the browser complains of (errors of scripts, what the content security policy refused), and of
 * answers that docs/reference/openapi.json does not allow
 */
export async function openConsolePage(of: BrowserContext, complaints: string[]): Promise<Page> {
  const opened = await of.newPage();
  opened.setDefaultTimeout(PATIENCE_MS);
  // What breathes while it loads is drawn all the time.
  if (!isFull) await opened.emulateMedia({ reducedMotion: 'reduce' });
  opened.on('pageerror', ({ message }) => complaints.push(message));
  opened.on('console', (line) => {
    if (/content security policy/i.test(line.text())) complaints.push(line.text());
  });
  opened.on('response', (answer) => {
    judgeAnswer(answer).catch(({ message }: Error) => {
      if (!/closed|No resource with given identifier|no body/i.test(message)) complaints.push(message);
    });
  });
  return opened;
}

/** What the page was answered is as docs/reference/openapi.json says. */
async function judgeAnswer(answer: PageResponse): Promise<void> {
  const { pathname, search } = new URL(answer.url());
  if (!pathname.startsWith(`${API_BASE}/`) || answer.status() === 204) return;
  const headers = answer.headers();
  const isJson = headers['content-type']?.includes('json') === true && !headers['content-disposition'];
  const body = isJson ? await answer.text() : null;
  const known = new Response(answer.status() === 304 ? null : body, { status: answer.status(), headers });
  await judge(answer.request().method(), pathname.slice(API_BASE.length) + search, known);
}
