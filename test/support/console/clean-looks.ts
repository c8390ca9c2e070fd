import type { Page } from 'playwright-core';
import { expect } from 'vitest';
import { sample } from '../repository/torture.ts';
import { seriousFindings } from './axe.ts';

export const PHONE = { width: 390, height: 844 };
export const DESK = { width: 1280, height: 900 };

/** Colours are the same at every width, and parts the same in every colour. */
const LOOKS = [
  ['light', DESK],
  ['dark', PHONE],
] as const;

/** Expects that axe finds nothing serious on the page in one of its looks, and that it fits a phone. */
export async function expectClean(page: Page, what: string): Promise<void> {
  for (const [colorScheme, size] of sample(LOOKS, 1)) {
    await page.emulateMedia({ colorScheme, reducedMotion: 'reduce' });
    await page.setViewportSize(size);
    expect(await seriousFindings(page), `${what} ${colorScheme}`).toEqual([]);
  }
  await page.setViewportSize(PHONE);
  // What is drawn follows the width a frame later.
  const width = () => page.evaluate('document.scrollingElement.scrollWidth');
  await expect.poll(width, { timeout: 5000, message: `width of ${what}` }).toBeLessThanOrEqual(PHONE.width);
  await page.setViewportSize(DESK);
  await page.emulateMedia({ colorScheme: 'light' });
}
