import { readFileSync } from 'node:fs';
import { App, Stack } from 'aws-cdk-lib';
import { Template } from 'aws-cdk-lib/assertions';
import { Secret } from 'aws-cdk-lib/aws-secretsmanager';
import { expect, it } from 'vitest';
import { standInBundles } from '../support/repository/stand-in-bundles.ts';
import { backupsOf } from './readme-example.ts';

it('the example of the README is what is compiled here, in ten lines, and deploys what it promises', () => {
  const [, block] = /```ts\n([\s\S]*?holdfast\/cdk[\s\S]*?)```/.exec(readFileSync('README.md', 'utf8')) ?? [];
  const compiled = readFileSync('test/infra/readme-example.ts', 'utf8');
  expect(block?.replace("'holdfast/cdk'", "'../../infra/holdfast-cdk.ts'")).toBe(compiled);
  expect(compiled.trim().split('\n').length).toBeLessThanOrEqual(10);
  // Where nothing was built, the package has no functions.
  const app = new App({ context: { 'holdfast:bundles': standInBundles() } });
  const secret = new Secret(new Stack(app, 'Database'), 'Login');
  const { storage, alertTopic } = backupsOf(app, secret.secretArn);
  const template = Template.fromStack(Stack.of(storage));
  template.resourceCountIs('AWS::Scheduler::Schedule', 5);
  template.hasResourceProperties('AWS::SNS::Subscription', { Endpoint: 'ops@example.com' });
  expect(Stack.of(alertTopic).stackName).toBe('ShopBackups');
});
