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
/** Of sources whose changes are stored. */
const CONTINUOUS_GRAPHS: typeof GRAPHS = [
  ['How far stored changes are behind (s)', ['ChangeLag']],
  ['Log that servers hold for polls (bytes)', ['HeldBytes']],
  ['Gaps in stored changes', ['ChangeGaps']],
];
/** CloudWatch's limit. */
const MOST_ALARMS = 100;
const EVERY_FEW_MINUTES = Duration.minutes(5);
const COLUMNS = 3;
const WIDTH = 24;

/** One page: all alarms, then a row of graphs with a line per source. */
export function backupDashboard(
  scope: Construct,
  id: string,
  alarms: Alarm[],
  {
    deployment,
    sources,
    polled = [],
  }: {
    readonly deployment: string;
    readonly sources: readonly string[];
    /** Sources whose changes are stored. @default none */
    readonly polled?: readonly string[] | undefined;
  },
): Dashboard {
  const graph = (
    [title, metrics]: (typeof GRAPHS)[number],
    of: readonly string[],
    period?: Duration,
  ): GraphWidget =>
    new GraphWidget({
      title,
      width: WIDTH / COLUMNS,
      left: of.flatMap((source) =>
        metrics.map((name) =>
          sourceMetric(
            name,
            { deployment, source },
            { label: `${source} ${name}`, ...(period ? { period } : {}) },
          ),
        ),
      ),
    });
  const graphs = [
    ...GRAPHS.map((one) => graph(one, sources)),
    ...(polled.length > 0 ? CONTINUOUS_GRAPHS.map((one) => graph(one, polled, EVERY_FEW_MINUTES)) : []),
  ];
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
