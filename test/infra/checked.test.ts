import { readFileSync } from 'node:fs';
import path from 'node:path';
import { describe, expect, it } from 'vitest';
import { synthesise } from '../../infra/checked-synthesis.ts';
import { FULL_CONFIG, IAM_CONFIG, newDeployment } from '../support/aws/deployment.ts';
import { sample } from '../support/repository/torture.ts';

describe('cdk-nag, AwsSolutions', () => {
  const ownName = {
    ...FULL_CONFIG,
    aws: { ...FULL_CONFIG.aws, console: { signInOrigins: ['https://a.example'] } },
  };

  // Findings of the others are some of these.
  const configs = [
    ["of all that can be said, the console by CloudFront's own name", ownName],
    ['of signed requests', IAM_CONFIG],
  ] as const;
  it.each(sample(configs, 1))('finds nothing that is not acknowledged with its reason: %s', (_, config) => {
    const { app } = newDeployment(config);
    const { directory, stacks } = synthesise(app);
    const report = JSON.parse(readFileSync(path.join(directory, 'validation-report.json'), 'utf8'));
    expect(process.exitCode ?? 0).toBe(0);
    const [nag] = report.pluginReports;
    expect(nag).toMatchObject({ pluginName: 'AwsSolutions', conclusion: 'success', violations: [] });
    expect(nag.suppressedViolations.length).toBeGreaterThan(10);
    // The setting that this one asks for is in cdk.json.
    const warnings = stacks.flatMap(({ messages }) => messages.filter(({ level }) => level === 'warning'));
    const texts = warnings.map(({ entry }) => String(entry.data));
    expect(texts.filter((text) => !text.includes('defaultCrossStackReferences'))).toEqual([]);
  });
});
