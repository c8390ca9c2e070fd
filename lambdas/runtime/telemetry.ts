import { Logger } from '@aws-lambda-powertools/logger';
import { Metrics, MetricUnit } from '@aws-lambda-powertools/metrics';
import { Tracer } from '@aws-lambda-powertools/tracer';
import { redact } from './redact.ts';

/** Logs as lines of JSON. */
export const logger = new Logger({
  serviceName: 'holdfast',
  jsonReplacerFn: (_name, value) => (typeof value === 'string' ? redact(value) : value),
});
/** Traces of X-Ray. */
export const tracer = new Tracer({ serviceName: 'holdfast', captureHTTPsRequests: false });

const metrics = new Metrics({ namespace: 'Holdfast', serviceName: 'holdfast' });

/** Measurements of a source, in the namespace `Holdfast`. */
export type FunctionMetric =
  | 'BackupAge'
  | 'BackupFailed'
  | 'BackupMissed'
  | 'BackupNumber'
  | 'ChangeGaps'
  | 'ChangeLag'
  | 'DrillAge'
  | 'Duration'
  | 'HeldBytes'
  | 'ProofFailed'
  | 'ProofLate'
  | 'Ratio'
  | 'ReadBytes'
  | 'Records'
  | 'RestoreTime'
  | 'Risk'
  | 'StoredBytes'
  | 'Suspects'
  | 'Uncovered'
  | 'VerificationAge'
  | 'VerificationFailed';

const UNITS: Readonly<Partial<Record<FunctionMetric, (typeof MetricUnit)[keyof typeof MetricUnit]>>> = {
  BackupAge: MetricUnit.Seconds,
  ChangeLag: MetricUnit.Seconds,
  DrillAge: MetricUnit.Seconds,
  Duration: MetricUnit.Seconds,
  Ratio: MetricUnit.NoUnit,
  HeldBytes: MetricUnit.Bytes,
  ReadBytes: MetricUnit.Bytes,
  RestoreTime: MetricUnit.Seconds,
  StoredBytes: MetricUnit.Bytes,
  VerificationAge: MetricUnit.Seconds,
};

/** Publishes figures by `deployment`, if it has a name, and `source`; undefined ones are left out. */
export function publishMetrics(
  source: string,
  values: Readonly<Partial<Record<FunctionMetric, number | undefined>>>,
): void {
  // An alarm on a metric must name all of its dimensions, so there are no others.
  metrics.clearDefaultDimensions();
  const deployment = process.env['HOLDFAST_DEPLOYMENT'];
  if (deployment) metrics.addDimension('deployment', deployment);
  metrics.addDimension('source', source);
  for (const [name, value] of Object.entries(values)) {
    if (value !== undefined)
      metrics.addMetric(name, UNITS[name as FunctionMetric] ?? MetricUnit.Count, value);
  }
  metrics.publishStoredMetrics();
}

/** Publishes how far a second place is behind, by `deployment`, if it has a name, and `place`. */
export function measureCopy(place: string, seconds: number): void {
  metrics.clearDefaultDimensions();
  const deployment = process.env['HOLDFAST_DEPLOYMENT'];
  if (deployment) metrics.addDimension('deployment', deployment);
  metrics.addDimension('place', place);
  metrics.addMetric('CopyLag', MetricUnit.Seconds, seconds);
  metrics.publishStoredMetrics();
}
