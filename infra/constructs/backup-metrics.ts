import { Duration } from 'aws-cdk-lib';
import { Metric, type MetricOptions, Stats } from 'aws-cdk-lib/aws-cloudwatch';

export const NAMESPACE = 'Holdfast';

/** What functions measure of each source; docs/aws.md, "Metrics". */
export type MetricName =
  | 'BackupAge'
  | 'Duration'
  | 'ReadBytes'
  | 'NewBytes'
  | 'StoredBytes'
  | 'Ratio'
  | 'Records'
  | 'Suspects'
  | 'VerificationAge'
  | 'DrillAge'
  | 'RestoreTime'
  | 'BackupFailed'
  | 'BackupMissed'
  | 'VerificationFailed';

/** One metric of one source. @param options @default - the largest value of an hour */
export function sourceMetric(name: MetricName, source: string, options: MetricOptions = {}): Metric {
  return new Metric({
    namespace: NAMESPACE,
    metricName: name,
    dimensionsMap: { source },
    statistic: Stats.MAXIMUM,
    period: Duration.hours(1),
    ...options,
  });
}
