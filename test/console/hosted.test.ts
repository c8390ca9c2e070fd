import type { Browser } from 'playwright-core';
import { afterAll, beforeAll, expect, it } from 'vitest';
import { consoleConfig, contentSecurityPolicy } from '../../infra/constructs/console-settings.ts';
import { deploymentOf, FULL_CONFIG } from '../support/aws/deployment.ts';
import { edgeOf, startHosted } from '../support/console/hosted-console.ts';
import { builtConsole, sharedBrowser } from '../support/console/shared-console.ts';
import { describeWithPart } from '../support/parts.ts';
import { startIssuer } from '../support/repository/issuer.ts';

describeWithPart('chromium', 'the console as CloudFront sends it', () => {
  const edge = edgeOf(deploymentOf(FULL_CONFIG).api);
  let browser: Browser;
  let folder: string;

  beforeAll(async () => {
    ({ folder } = await builtConsole());
    browser = await sharedBrowser();
  }, 120_000);
  afterAll(async () => {
    await browser?.close();
  });

  /** Opens the console under a policy, and clicks on `Sign in`. */
  async function signIn(issuer: string, policy: string) {
    const headers = { ...edge.headers, 'content-security-policy': policy };
    const auth = { kind: 'oidc', issuer, clientId: 'console', audience: 'console', roles: {} } as const;
    const hosted = await startHosted({ ...edge, folder, headers, config: consoleConfig(auth) });
    const page = await browser.newPage();
    const refused: string[] = [];
    page.on('console', (line) => {
      if (/content security policy/i.test(line.text())) refused.push(line.text());
    });
    await page.goto(`${hosted.url}/`);
    await page.getByRole('button', { name: 'Sign in', exact: true }).click();
    return { hosted, page, refused };
  }

  it('signs in at an issuer of another origin, and calls the API below its own', async () => {
    await using issuer = await startIssuer();
    const { hosted, page, refused } = await signIn(issuer.url, contentSecurityPolicy(issuer.url));
    await using _ = hosted;
    await page.getByText('you have no role here').first().waitFor();
    expect(new Set(hosted.authorizations)).toEqual(new Set(['Bearer of-the-issuer']));
    expect(issuer.authorizations).toEqual([]);
    expect(refused).toEqual([]);
    await page.close();
  });

  it('lets nobody else be called: a policy for another issuer keeps this one out', async () => {
    await using issuer = await startIssuer();
    const { hosted, page, refused } = await signIn(issuer.url, edge.headers['content-security-policy'] ?? '');
    await using _ = hosted;
    await page.getByText(/Signing in failed/).waitFor();
    expect(refused.length).toBeGreaterThan(0);
    expect(hosted.authorizations).toEqual([]);
    await page.close();
  });
});
