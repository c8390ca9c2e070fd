import type { Template } from 'aws-cdk-lib/assertions';
import { NAMESPACE } from '../../../infra/constructs/backup-metrics.ts';
import { resolved } from './synthesised.ts';

/** A metric as CloudWatch tells them apart, but for the values of its dimensions: `BackupAge by deployment, source`. */
function identity(name: string, dimensions: readonly string[]): string {
  return `${name} by ${dimensions.toSorted().join(', ')}`;
}

interface EmfDirective {
  readonly Namespace: string;
  readonly Dimensions: readonly (readonly string[])[];
  readonly Metrics: readonly { readonly Name: string }[];
}

/** Holdfast's own metrics that functions published: EMF, as it is in their log. */
export function publishedMetrics(log: string): ReadonlySet<string> {
  const lines = log.split('\n').filter((one) => one.includes('CloudWatchMetrics'));
  return new Set(lines.flatMap((line) => metricsOf(JSON.parse(line))));
}

/** Those whose value and dimensions are in the line, as CloudWatch takes no others. */
function metricsOf(line: Readonly<Record<string, unknown>>): string[] {
  const { CloudWatchMetrics } = line['_aws'] as { readonly CloudWatchMetrics: readonly EmfDirective[] };
  const isThere = (member: string) => line[member] !== undefined;
  return CloudWatchMetrics.filter(({ Namespace }) => Namespace === NAMESPACE)
    .flatMap(({ Dimensions, Metrics }) =>
      Dimensions.flatMap((dimensions) => Metrics.map(({ Name }) => ({ Name, dimensions }))),
    )
    .filter(({ Name, dimensions }) => [Name, ...dimensions].every(isThere))
    .map(({ Name, dimensions }) => identity(Name, dimensions));
}

/** Holdfast's own metrics that alarms and dashboards of a stack look at. @param values tells those of several deployments apart too */
export function watchedMetrics(template: Template, { values = false } = {}): ReadonlySet<string> {
  const propertiesOf = (type: string) =>
    Object.values(template.findResources(`AWS::CloudWatch::${type}`)).map(({ Properties }) => Properties);
  const bodies = propertiesOf('Dashboard').map(({ DashboardBody }) =>
    JSON.parse(String(resolved(DashboardBody))),
  );
  return new Set([
    ...propertiesOf('Alarm').flatMap((one) => namedIn(one, values)),
    ...bodies.flatMap((one) => drawnIn(one, values)),
  ]);
}

/** In an alarm, at any depth. */
function namedIn(value: unknown, values: boolean): string[] {
  if (typeof value !== 'object' || value === null) return [];
  const {
    Namespace,
    MetricName,
    Dimensions = [],
  } = value as {
    readonly Namespace?: string;
    readonly MetricName?: string;
    readonly Dimensions?: readonly { readonly Name: string; readonly Value: string }[];
  };
  const below = Object.values(value).flatMap((one) => namedIn(one, values));
  const names = Dimensions.map(({ Name, Value }) => (values ? `${Name}=${Value}` : Name));
  return Namespace === NAMESPACE && MetricName ? [identity(MetricName, names), ...below] : below;
}

/** In a dashboard. A line of it is: namespace, name, names and values of dimensions, options. */
function drawnIn(value: unknown, values: boolean): string[] {
  if (typeof value !== 'object' || value === null) return [];
  if (!Array.isArray(value) || value[0] !== NAMESPACE)
    return Object.values(value).flatMap((one) => drawnIn(one, values));
  const [, name, ...rest] = value;
  const texts = rest.filter((one) => typeof one === 'string');
  const names = texts.filter((_, i) => i % 2 === 0);
  return [identity(name, values ? names.map((one, i) => `${one}=${texts[2 * i + 1]}`) : names)];
}
