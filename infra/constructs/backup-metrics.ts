import { Duration } from 'aws-cdk-lib';
import { Metric, type MetricOptions, Stats } from 'aws-cdk-lib/aws-cloudwatch';

/** Where CloudWatch has the metrics. */
export const NAMESPACE = 'Holdfast';

/** What functions measure for each source; docs/guide/aws.md, "Metrics". */
export const METRIC_NAMES = [
  'BackupAge',
  'Duration',
  'ReadBytes',
  'StoredBytes',
  'Ratio',
  'Records',
  'Suspects',
  'Uncovered',
  'VerificationAge',
  'DrillAge',
  'RestoreTime',
  'Risk',
  'BackupFailed',
  'BackupMissed',
  'BackupNumber',
  'VerificationFailed',
] as const;
/** What they measure for each source besides whose changes are stored. */
export const CHANGE_METRIC_NAMES = [
  'ChangeLag',
  'ChangeGaps',
  'HeldBytes',
  'ProofFailed',
  'ProofLate',
] as const;
/** One metric of these. */
export type MetricName = (typeof METRIC_NAMES)[number] | (typeof CHANGE_METRIC_NAMES)[number];

/** Identifies a source's metrics: several deployments in one account may have sources of the same name. */
export interface MeasuredSource {
  readonly deployment: string;
  readonly source: string;
}

/** One metric of one source. @param options @default - the largest value of an hour */
export function sourceMetric(
  name: MetricName,
  { deployment, source }: MeasuredSource,
  options: MetricOptions = {},
): Metric {
  return new Metric({
    namespace: NAMESPACE,
    metricName: name,
    dimensionsMap: { deployment, source },
    statistic: Stats.MAXIMUM,
    period: Duration.hours(1),
    ...options,
  });
}

/** Seconds since the oldest backup began that a second place lacks; 0 if it has all. */
export function copyMetric(deployment: string, place: string): Metric {
  return new Metric({
    namespace: NAMESPACE,
    metricName: 'CopyLag',
    dimensionsMap: { deployment, place },
    statistic: Stats.MAXIMUM,
    period: Duration.hours(1),
  });
}
