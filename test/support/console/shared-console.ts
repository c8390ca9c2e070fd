import { type Browser, chromium } from 'playwright-core';
import { sharedPart } from '../run/shared-part.ts';

/** The browser of this run, which each file has for itself as far as it can tell: closing it closes what the file opened. */
export async function sharedBrowser(): Promise<Browser> {
  return chromium.connect(await sharedPart<string>('browser'));
}

/** The console as it is built: built once for a run, so never to be written to. */
export async function builtConsole(): Promise<{
  readonly folder: string;
  readonly modules: readonly string[];
}> {
  return sharedPart('console');
}
