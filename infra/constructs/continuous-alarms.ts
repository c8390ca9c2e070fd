import { Duration } from 'aws-cdk-lib';
import { type IMetric, MathExpression, Stats } from 'aws-cdk-lib/aws-cloudwatch';
import type { IFunction } from 'aws-cdk-lib/aws-lambda';
import type { ContinuousSettings } from '../../shared/config/continuous.ts';
import { MINUTE_MS, SECOND_MS } from '../../shared/core/units.ts';
import { pluginNamed } from '../../shared/sources/registry.ts';
import { sourceMetric } from './backup-metrics.ts';
import type { BackupPipeline } from './backup-pipeline.ts';

/** An alarm of continuous backup. */
export interface ContinuousAlarm {
  readonly id: string;
  readonly metric: IMetric;
  readonly text: string;
  readonly above?: number;
  readonly below?: number;
  readonly tellsOfSilence?: boolean;
  readonly periods?: number;
}

/** So long nothing may be heard of what runs each minute. */
const SILENT = Duration.minutes(5);
const SILENT_PERIODS = 3;

/** That stored changes keep up, that none are lost, and that what takes care of both runs. */
export function continuousAlarms({
  continuous,
  config,
  deployment,
}: Pick<BackupPipeline, 'continuous' | 'config' | 'deployment'>): ContinuousAlarm[] {
  if (!continuous) return [];
  return [
    ...continuous.polled.flatMap(({ name, job }) => {
      const source = config.sources.find((one) => one.name === name);
      if (!source?.continuous) return [];
      const isProvable = pluginNamed(source.kind)?.changes?.isProvable === true;
      return [
        ...alarmsOf(name, job.function, { settings: source.continuous, deployment }),
        ...(isProvable ? [unproven(name, deployment)] : []),
      ];
    }),
    {
      id: 'PollWatchdogSilent',
      ...silent(continuous.watchdog.function, SILENT),
      text: 'the log that databases hold for polls is not being watched, and could fill a disk',
    },
  ];
}

function alarmsOf(
  source: string,
  poll: IFunction,
  { settings, deployment }: { readonly settings: ContinuousSettings; readonly deployment: string },
): ContinuousAlarm[] {
  const measured = { deployment, source };
  const { rpoMs, everyMs } = settings;
  // Somebody who is slower than the alarm looks would seem silent in between.
  const period = everyMs > SILENT.toMilliseconds() ? Duration.minutes(hours(everyMs)) : SILENT;
  return [
    {
      id: `ChangesBehind-${source}`,
      metric: sourceMetric('ChangeLag', measured, { period }),
      text: `the stored changes of ${source} are further behind than agreed`,
      above: Math.round(rpoMs / SECOND_MS),
    },
    {
      id: `ChangesLost-${source}`,
      // What is missing is left out of the maximum.
      metric: new MathExpression({
        expression: 'MAX([gaps, failed])',
        usingMetrics: {
          gaps: sourceMetric('ChangeGaps', measured, { period: SILENT, statistic: Stats.SUM }),
          failed: sourceMetric('ProofFailed', measured, { period: SILENT }),
        },
        period: SILENT,
      }),
      text: `changes of ${source} are lost, or a backup differs from the one before it plus the changes between them: some moments cannot be restored`,
    },
    {
      id: `PollFailing-${source}`,
      ...silent(poll, period),
      text: `polls of ${source} fail: its changes are not stored, and its server keeps its log`,
    },
  ];
}

/** By the watchdog, which looks at backups and reports: whatever keeps proofs from being made. */
function unproven(source: string, deployment: string): ContinuousAlarm {
  return {
    id: `ProofMissing-${source}`,
    metric: sourceMetric('ProofLate', { deployment, source }),
    text: `backups of ${source} are no longer compared with its stored changes: nobody knows whether some are lost`,
  };
}

/** Whole hours, in minutes: of what a period may be, the least that has two polls. */
function hours(everyMs: number): number {
  const minutes = (2 * everyMs) / MINUTE_MS;
  return 60 * Math.ceil(minutes / 60);
}

/** By Lambda's own count, which needs nobody's report. Before the first call it alarms nobody. */
function silent(
  called: IFunction,
  period: Duration,
): Pick<ContinuousAlarm, 'metric' | 'below' | 'tellsOfSilence' | 'periods'> {
  const counted = {
    runs: called.metricInvocations({ period, statistic: Stats.SUM }),
    errors: called.metricErrors({ period, statistic: Stats.SUM }),
  };
  const metric = new MathExpression({ expression: 'runs - FILL(errors, 0)', usingMetrics: counted, period });
  return { metric, below: 1, tellsOfSilence: true, periods: SILENT_PERIODS };
}
