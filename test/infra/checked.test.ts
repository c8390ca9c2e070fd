import { readFileSync } from 'node:fs';
import path from 'node:path';
import { describe, expect, it } from 'vitest';
import { synthesise } from '../../infra/holdfast-app.ts';
import { deploymentOf, FULL_CONFIG } from '../support/deployment.ts';

describe('cdk-nag, AwsSolutions', () => {
  it('finds nothing that is not acknowledged with its reason', () => {
    const { app } = deploymentOf(FULL_CONFIG);
    const { directory } = synthesise(app);
    const report = JSON.parse(readFileSync(path.join(directory, 'validation-report.json'), 'utf8'));
    expect(process.exitCode ?? 0).toBe(0);
    const [nag] = report.pluginReports;
    expect(nag).toMatchObject({ pluginName: 'AwsSolutions', conclusion: 'success', violations: [] });
    expect(nag.suppressedViolations.length).toBeGreaterThan(10);
  });
});
