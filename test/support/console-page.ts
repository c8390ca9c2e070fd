import type { BrowserContext, Page } from 'playwright-core';

/** A machine may be busy. */
const PATIENCE_MS = 45_000;

/** @param complaints is told what the browser complains of: errors of scripts, what the content security policy refused */
export async function openConsolePage(of: BrowserContext, complaints: string[]): Promise<Page> {
  const opened = await of.newPage();
  opened.setDefaultTimeout(PATIENCE_MS);
  opened.on('pageerror', ({ message }) => complaints.push(message));
  opened.on('console', (line) => {
    if (/content security policy/i.test(line.text())) complaints.push(line.text());
  });
  return opened;
}
