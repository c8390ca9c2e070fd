import { Duration } from 'aws-cdk-lib';
import {
  type Alarm,
  AlarmStatusWidget,
  Dashboard,
  GraphWidget,
  type IWidget,
} from 'aws-cdk-lib/aws-cloudwatch';
import type { Construct } from 'constructs';
import { type MetricName, sourceMetric } from './backup-metrics.ts';

const GRAPHS: readonly (readonly [title: string, metrics: readonly MetricName[]])[] = [
  ['Age of newest good backup, verification and drill (s)', ['BackupAge', 'VerificationAge', 'DrillAge']],
  ['Duration of backups and of restores (s)', ['Duration', 'RestoreTime']],
  ['Bytes read and stored', ['ReadBytes', 'StoredBytes']],
  ['Records', ['Records']],
  ['Ratio', ['Ratio']],
  [
    'Failed, missed, suspect, not verified',
    ['BackupFailed', 'BackupMissed', 'Suspects', 'VerificationFailed'],
  ],
];
/** CloudWatch's limit. */
const MOST_ALARMS = 100;
const COLUMNS = 3;
const WIDTH = 24;

/** One page: all alarms, then a row of graphs with a line per source. */
export function backupDashboard(
  scope: Construct,
  id: string,
  alarms: Alarm[],
  { deployment, sources }: { readonly deployment: string; readonly sources: readonly string[] },
): Dashboard {
  const graphs = GRAPHS.map(
    ([title, metrics]) =>
      new GraphWidget({
        title,
        width: WIDTH / COLUMNS,
        left: sources.flatMap((source) =>
          metrics.map((name) => sourceMetric(name, { deployment, source }, { label: `${source} ${name}` })),
        ),
      }),
  );
  const rows: IWidget[][] = [];
  for (let i = 0; i < graphs.length; i += COLUMNS) rows.push(graphs.slice(i, i + COLUMNS));
  return new Dashboard(scope, id, {
    defaultInterval: Duration.days(14),
    widgets: [...alarmRows(alarms), ...rows],
  });
}

function alarmRows(alarms: readonly Alarm[]): IWidget[][] {
  const rows: IWidget[][] = [];
  for (let i = 0; i < alarms.length; i += MOST_ALARMS) {
    const title = i === 0 ? 'Backups' : `Backups, ${i / MOST_ALARMS + 1}`;
    const some = alarms.slice(i, i + MOST_ALARMS);
    rows.push([new AlarmStatusWidget({ title, alarms: some, width: WIDTH })]);
  }
  return rows;
}
