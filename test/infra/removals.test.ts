import { describe, expect, it } from 'vitest';
import type { HoldfastConfig } from '../../shared/config/config.ts';
import { deploymentOf, FULL_CONFIG, SECRETS } from '../support/aws/deployment.ts';

const STACKS = ['storage', 'pipeline', 'api', 'monitoring'] as const;
type Templates = Readonly<Record<(typeof STACKS)[number], unknown>>;

const WITH_LOCK: HoldfastConfig = { ...FULL_CONFIG, lock: { mode: 'compliance' } };
const stock = { kind: 'postgres', secret: SECRETS.source, continuous: {} } as const;
const EVERYTHING: HoldfastConfig = { ...WITH_LOCK, sources: { ...FULL_CONFIG.sources, stock } };
const { shop, ...others } = FULL_CONFIG.sources ?? {};

/** What CloudFormation refuses to remove from a stack, while another one imports it. */
function exportsOf(templates: Templates): ReadonlyMap<string, string> {
  const found = new Map<string, string>();
  for (const stack of STACKS) {
    const { Outputs = {} } = templates[stack] as { readonly Outputs?: Readonly<Record<string, Output>> };
    for (const { Export } of Object.values(Outputs))
      if (Export) found.set(JSON.stringify(Export.Name), stack);
  }
  return found;
}
interface Output {
  readonly Export?: { readonly Name: unknown };
}

/** Names that a stack imports. */
function importsOf(value: unknown): string[] {
  if (typeof value !== 'object' || value === null) return [];
  return Object.entries(value).flatMap(([name, inner]) =>
    name === 'Fn::ImportValue' ? [JSON.stringify(inner)] : importsOf(inner),
  );
}

function templatesOf(config: HoldfastConfig): Templates {
  const { storage, pipeline, api, monitoring } = deploymentOf(config);
  return Object.fromEntries(
    Object.entries({ storage, pipeline, api, monitoring }).map(([name, template]) => [
      name,
      template.toJSON(),
    ]),
  ) as unknown as Templates;
}

/** Of the deployment that is there, what other stacks import and the next deployment no longer exports. */
function inUse(before: HoldfastConfig, after: HoldfastConfig): string[] {
  const [there, next] = [templatesOf(before), templatesOf(after)];
  const stays = exportsOf(next);
  const goes = [...exportsOf(there)].filter(([name]) => !stays.has(name));
  return STACKS.flatMap((stack) => {
    const imported = new Set(importsOf(there[stack]));
    return goes
      .filter(([name, of]) => of !== stack && imported.has(name))
      .map(([name]) => `${stack}: ${name}`);
  });
}

describe('taking something out of the configuration', () => {
  const { continuous: _, ...rest } = shop as { readonly kind: 'postgres'; readonly continuous: object };
  const { objectLock: __, ...storage } = FULL_CONFIG.aws?.storage ?? {};
  const unlocked: HoldfastConfig = { ...FULL_CONFIG, aws: { ...FULL_CONFIG.aws, storage } };
  it.each<[string, HoldfastConfig, HoldfastConfig?]>([
    ['continuous', { ...WITH_LOCK, sources: { ...others, shop: { ...rest, secret: SECRETS.source } } }],
    ['a source that is continuous', WITH_LOCK],
    ['copy', { ...EVERYTHING, copy: {} }],
    ['lock', unlocked, { ...unlocked, lock: { mode: 'compliance' } }],
    ['the alarm of opened records', { ...EVERYTHING, aws: { ...EVERYTHING.aws, alarms: {} } }],
  ])('takes one deployment: %s', (_what, after, before = EVERYTHING) => {
    expect(inUse(before, after)).toEqual([]);
  });

  it('is looked at: an export that goes and is imported is named', () => {
    const before = deploymentOf(EVERYTHING).monitoring.toJSON();
    expect(importsOf(before).length).toBeGreaterThan(5);
    const stays = new Set(exportsOf(templatesOf(EVERYTHING)).keys());
    expect(importsOf(before).filter((name) => !stays.has(name))).toEqual([]);
  });
});
