import { bytes, duration } from '../../../shared/core/human.ts';
import { call } from '../../api/client.ts';
import { useResource } from '../../api/resource.ts';
import type { Run } from '../../api/types.ts';
import { runHref } from '../../routes.ts';
import { BackupLink, backupMoment } from '../../ui/backup-link.tsx';
import { Icon } from '../../ui/icon.tsx';
import { Ago, Moment, now } from '../../ui/moment.tsx';
import { Badge, Card, PageHead } from '../../ui/parts.tsx';
import { ScrollX } from '../../ui/scroll-x.tsx';
import { shortSource } from '../../ui/source-name.tsx';
import { Empty, Shown } from '../../ui/states.tsx';
import { BackUpNow } from '../backups/back-up-now.tsx';
import { RunProgress } from './progress.tsx';

const LIVE_MS = 2_000;
const CALM_MS = 20_000;

const KIND_NAMES: Readonly<Record<Run['kind'], string>> = {
  backup: 'Backup',
  verify: 'Verification',
  drill: 'Drill',
  restore: 'Restore',
  export: 'Export',
  copy: 'Copy',
  lock: 'Lock',
};

/** The screen of all runs. */
export function Runs() {
  const runs = useResource(
    'runs',
    () => call('runs', { query: { limit: 100 } }),
    (value) => (value?.runs.some(({ state }) => state === 'running') ? LIVE_MS : CALM_MS),
  );
  return (
    <div class="page">
      <PageHead title="Runs" actions={<BackUpNow />} />
      <Card isBare>
        <Shown of={runs}>{(value) => <Table runs={value.runs} />}</Shown>
      </Card>
    </div>
  );
}

function Table({ runs }: { readonly runs: readonly Run[] }) {
  if (runs.length === 0)
    return (
      <Empty title="No runs yet">
        <p>All backups, verifications, drills, restores and exports are listed here.</p>
      </Empty>
    );
  return (
    <ScrollX label="Runs">
      <table class="table">
        <thead>
          <tr>
            <th>Run</th>
            <th>State</th>
            <th>Source</th>
            <th>Started</th>
            <th class="number">Took</th>
            <th class="number">Stored</th>
            <th>By</th>
          </tr>
        </thead>
        <tbody>
          {runs.map((run) => (
            <tr key={run.id}>
              <td>
                <a href={runHref(run.id)}>{KIND_NAMES[run.kind]}</a>
                {run.type !== null && <span class="small faint"> {run.type}</span>}
              </td>
              <td>
                <RunState run={run} />
                {run.state === 'running' && <RunProgress run={run} />}
                {run.error && <span class="small faint"> {run.error.code}</span>}
              </td>
              <td>
                <Subject run={run} />
              </td>
              <td>
                <Moment at={run.startedAt} />
                <br />
                <span class="small faint">
                  <Ago at={run.startedAt} />
                </span>
              </td>
              <td class="number">{duration(tookMs(run))}</td>
              <td class="number">{run.storedBytes === null ? '' : bytes(run.storedBytes)}</td>
              <td>{run.by ?? <span class="faint">command line or schedule</span>}</td>
            </tr>
          ))}
        </tbody>
      </table>
    </ScrollX>
  );
}

/** What a run does, in a few words. */
export function runTitle({ kind, source, target, backup }: Run): string {
  const moment = backup === null || kind === 'backup' ? '' : backupMoment(backup);
  const of = source === null ? moment : [shortSource(source), ...(moment === '' ? [] : [moment])].join(' · ');
  return `${KIND_NAMES[kind]}${of === '' ? '' : ` of ${of}`}${target === null ? '' : ` into ${target}`}`;
}

/** How a run stands, as a badge. */
export function RunState({ run: { state, error, isSuspect } }: { readonly run: Run }) {
  if (isSuspect)
    return (
      <Badge tone="warn" icon="attention">
        Suspect
      </Badge>
    );
  if (state === 'stopped')
    return (
      <Badge tone="warn" icon="close" title={error?.message}>
        Stopped
      </Badge>
    );
  if (state === 'succeeded')
    return (
      <Badge tone="good" icon="check">
        Succeeded
      </Badge>
    );
  if (state === 'failed')
    return (
      <Badge tone="bad" icon="bad" title={error?.message}>
        Failed
      </Badge>
    );
  if (state === 'cancelled')
    return (
      <Badge tone="warn" icon="close" title={error?.message}>
        Cancelled
      </Badge>
    );
  return (
    <Badge tone="info" icon="runs">
      Running
    </Badge>
  );
}

/** What a run is about: a backup, a source, a target. */
export function Subject({ run: { backup, source, target } }: { readonly run: Run }) {
  return (
    <>
      {source !== null && <span>{shortSource(source)} </span>}
      {backup !== null && (
        <span class="small">
          <BackupLink of={backup} />
        </span>
      )}
      {target !== null && (
        <span class="small">
          {' '}
          <Icon name="restore" /> {target}
        </span>
      )}
    </>
  );
}

/** How long a run took, or has taken so far. */
export function tookMs({ startedAt, finishedAt }: Run): number {
  const end =
    finishedAt === null ? Math.max(now.value.getTime(), Date.parse(startedAt)) : Date.parse(finishedAt);
  return end - Date.parse(startedAt);
}
