import type { Template } from 'aws-cdk-lib/assertions';
import { describe, expect, it } from 'vitest';
import { ALERT_TYPES, EVENT_SOURCE } from '../../shared/config/events.ts';
import { deploymentOf, FULL_CONFIG } from '../support/aws/deployment.ts';
import { watchedMetrics } from '../support/aws/metrics.ts';
import { resolved } from '../support/aws/synthesised.ts';

type Made = ReturnType<typeof deploymentOf>;

const shop = deploymentOf(FULL_CONFIG);
const other = deploymentOf({ ...FULL_CONFIG, aws: { ...FULL_CONFIG.aws, stackName: 'Other' } });

const stacksOf = ({ storage, pipeline, monitoring, api }: Made) => ({ storage, pipeline, monitoring, api });
const propertiesOf = (template: Template, type: string) =>
  Object.values(template.findResources(type)).map(({ Properties }) => Properties);

/** The name by which functions of a deployment publish and tell. */
function deploymentName({ pipeline }: Made): string {
  const names = propertiesOf(pipeline, 'AWS::Lambda::Function').flatMap(
    ({ Environment }) => Environment?.Variables.HOLDFAST_DEPLOYMENT ?? [],
  );
  const [name] = new Set<string>(names);
  if (name === undefined || new Set(names).size !== 1) throw new Error(`names of one deployment: ${names}`);
  return name;
}

/** As EventBridge does for lists of values, which are all that the rules have. */
function matches(pattern: unknown, event: unknown): boolean {
  if (Array.isArray(pattern)) {
    if (pattern.some((one) => typeof one !== 'string')) throw new Error('a pattern of another kind');
    return pattern.includes(event);
  }
  return Object.entries(pattern as object).every(([name, inner]) =>
    matches(inner, (event as Record<string, unknown> | undefined)?.[name]),
  );
}

/** Patterns of the rules that an event of Holdfast can match. */
const patternsOf = (made: Made): unknown[] =>
  Object.values(stacksOf(made))
    .flatMap((template) => propertiesOf(template, 'AWS::Events::Rule'))
    .map(({ EventPattern }) => resolved(EventPattern))
    .filter((pattern) => matches((pattern as { source: unknown }).source, EVENT_SOURCE));

const eventOf = (made: Made, type: string) => ({
  source: EVENT_SOURCE,
  'detail-type': type,
  detail: { deployment: deploymentName(made), source: 'shop' },
});

describe('two deployments in one account', () => {
  it('hear of their own events, and of no event of the other', () => {
    expect(deploymentName(shop)).not.toBe(deploymentName(other));
    for (const [own, foreign] of [
      [shop, other],
      [other, shop],
    ] as const) {
      const patterns = patternsOf(own);
      const heardBy = (event: object) => patterns.filter((pattern) => matches(pattern, event)).length;
      for (const type of [...ALERT_TYPES, 'Backup Succeeded']) {
        expect(heardBy(eventOf(own, type)), type).toBeGreaterThan(0);
        expect(heardBy(eventOf(foreign, type)), type).toBe(0);
      }
    }
  });

  it('watch no metric of the other', () => {
    const [ofShop, ofOther] = [shop, other].map(({ monitoring }) =>
      watchedMetrics(monitoring, { values: true }),
    );
    expect(ofShop?.size).toBeGreaterThan(5);
    expect([...(ofShop ?? [])].filter((metric) => ofOther?.has(metric))).toEqual([]);
  });
});

interface Statement {
  readonly Effect: string;
  readonly Principal: { readonly Service?: string | readonly string[] } | string;
  readonly Action: string | readonly string[];
  readonly Condition?: Readonly<Record<string, Readonly<Record<string, unknown>>>>;
}

/** Where a policy of a resource lets services of AWS in, and for whom: `events.amazonaws.com: sns:Publish`. */
function servicesLetIn(template: Template, isBound: boolean): string[] {
  const policies = ['AWS::SNS::TopicPolicy', 'AWS::SQS::QueuePolicy', 'AWS::S3::BucketPolicy'];
  const statements = policies
    .flatMap((type) => propertiesOf(template, type))
    .flatMap(({ PolicyDocument }) => PolicyDocument.Statement as Statement[])
    .filter(({ Effect }) => Effect === 'Allow');
  const bySource = (condition: Statement['Condition'] = {}) =>
    Object.values(condition)
      .flatMap((operands) => Object.keys(operands))
      .some((key) => /^aws:Source(Account|Arn)$/i.test(key));
  const inPolicies = statements
    .filter(({ Condition }) => bySource(Condition) === isBound)
    .flatMap(({ Principal, Action }) =>
      typeof Principal === 'object'
        ? [Principal.Service ?? []].flat().map((service) => `${resolved(service)}: ${[Action].flat()[0]}`)
        : [],
    );
  const inPermissions = propertiesOf(template, 'AWS::Lambda::Permission')
    .filter((given) => ('SourceArn' in given || 'SourceAccount' in given) === isBound)
    .map(({ Principal, Action }) => `${Principal}: ${Action}`);
  return [...inPolicies, ...inPermissions];
}

describe('services of AWS that resources let in', () => {
  const templates = Object.values(stacksOf(shop));
  const letIn = (isBound: boolean) => [...new Set(templates.flatMap((one) => servicesLetIn(one, isBound)))];

  it('come for this account or a resource of it', () => {
    expect(letIn(true).toSorted()).toEqual([
      'apigateway.amazonaws.com: lambda:InvokeFunction',
      'cloudfront.amazonaws.com: s3:GetObject',
      'cloudwatch.amazonaws.com: sns:Publish',
      'events.amazonaws.com: lambda:InvokeFunction',
      'events.amazonaws.com: sqs:SendMessage',
    ]);
  });

  it('but for rules that publish: EventBridge sends a topic nothing that a condition could ask for', () => {
    expect(letIn(false)).toEqual(['events.amazonaws.com: sns:Publish']);
  });
});
