import axe from 'axe-core';
import type { Page } from 'playwright-core';

interface Found {
  readonly id: string;
  readonly impact: string;
  readonly nodes: readonly { readonly html: string; readonly failureSummary: string }[];
}

/** Less than serious to axe, and yet in the way of who goes by landmarks. */
const ALSO = ['landmark-unique'];

/** What axe finds on a page that is serious or worse, a line each. */
export async function seriousFindings(page: Page): Promise<string[]> {
  const found = await violations(page);
  return linesOf(
    found.filter(({ id, impact }) => impact === 'serious' || impact === 'critical' || ALSO.includes(id)),
  );
}

/** All that axe finds on a page, a line each. */
export async function allFindings(page: Page): Promise<string[]> {
  return linesOf(await violations(page));
}

async function violations(page: Page): Promise<readonly Found[]> {
  // By the debugger, which the page's content security policy does not bind.
  if (!(await page.evaluate('"axe" in globalThis'))) await page.evaluate(axe.source);
  // A colour on its way to another is none of either theme.
  await page.evaluate(
    'document.getAnimations().filter((one) => one.effect.getTiming().iterations !== Infinity).forEach((one) => one.finish())',
  );
  const found = (await page.evaluate('axe.run(document, { resultTypes: ["violations"] })')) as {
    readonly violations: readonly Found[];
  };
  return found.violations;
}

function linesOf(found: readonly Found[]): string[] {
  return found.flatMap(({ id, nodes }) =>
    nodes.map(({ html, failureSummary }) => `${id}: ${html}\n${failureSummary}`),
  );
}
