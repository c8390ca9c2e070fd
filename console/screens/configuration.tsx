import type { ComponentChildren } from 'preact';
import { type Status, useStatus } from '../api/status.ts';
import { Button } from '../ui/button.tsx';
import { When } from '../ui/moment.tsx';
import { Card, Facts, PageHead } from '../ui/parts.tsx';
import { ScrollX } from '../ui/scroll-x.tsx';
import { kindName, shortSource } from '../ui/source-name.tsx';
import { Empty, Shown } from '../ui/states.tsx';
import { FirstBackups } from './backups/first-backups.tsx';

/** The configuration, read-only: sources, targets, schedules, repository. Without addresses and secrets. */
export function Configuration() {
  const status = useStatus();
  return (
    <div class="page">
      <PageHead title="Configuration">
        <p class="soft">
          As the server has read it. To change it, edit its file and restart the server; secrets are never
          shown.
        </p>
      </PageHead>
      <Shown of={status}>{(value) => <Parts status={value} />}</Shown>
    </div>
  );
}

function Parts({ status }: { readonly status: Status }) {
  const { configured, repository, mode, version } = status;
  return (
    <>
      {configured.sources.length === 0 ? (
        <Card>
          <FirstBackups />
        </Card>
      ) : (
        <Sources status={status} />
      )}
      <Schedules status={status} />
      <Card title="Restore targets" isBare>
        <Rows
          label="Targets"
          head={['Name', 'Kind']}
          none="No target is configured"
          rows={configured.targets.map(({ name, kind }) => [name, kindName(kind)])}
        />
      </Card>
      <Card title="API keys" aside={<Button href="#/api-keys">Show API keys</Button>}>
        <p class="soft">For programs that use the admin API without a person signing in.</p>
      </Card>
      <Card title="Repository">
        <Facts
          facts={[
            ['Location', repository.location],
            ['Id', <code>{repository.id}</code>],
            ['Format', String(repository.formatVersion)],
            ['Backup types', configured.types.join(', ')],
            [
              'New databases',
              configured.newDatabases.map(kindName).join(', ') || 'only on the server of a target',
            ],
            ['Runs', mode === 'aws' ? 'functions on AWS' : "in this server's process"],
            ['Version', version],
          ]}
        />
      </Card>
    </>
  );
}

function Sources({ status: { configured, sources } }: { readonly status: Status }) {
  const rows = configured.sources.map(({ name, kind }) => {
    const state = sources.find(({ source }) => source.name === name || shortSource(source.name) === name);
    const newest = state?.newestGood;
    return [name, kindName(kind), newest ? <When at={newest.startedAt} /> : 'none'];
  });
  return (
    <Card title="Sources" isBare>
      <Rows label="Configured sources" head={['Name', 'Kind', 'Newest good backup']} none="" rows={rows} />
    </Card>
  );
}

function Schedules({ status: { schedules } }: { readonly status: Status }) {
  return (
    <Card title="Schedules" isBare>
      <Rows
        label="Schedule of each source"
        head={['Source', 'Type', 'When', 'Next run']}
        none="No schedule runs here"
        rows={schedules.map(({ source, type, cron, nextAt }) => [
          source,
          type,
          <code>{cron}</code>,
          nextAt === null ? 'not known here' : <When at={nextAt} />,
        ])}
      />
    </Card>
  );
}

function Rows({
  label,
  head,
  rows,
  none,
}: {
  readonly label: string;
  readonly head: readonly string[];
  readonly rows: readonly (readonly ComponentChildren[])[];
  /** Shown if there are none. */
  readonly none: string;
}) {
  if (rows.length === 0) return <Empty title={none} />;
  return (
    <ScrollX label={label}>
      <table class="table">
        <thead>
          <tr>
            {head.map((name) => (
              <th key={name}>{name}</th>
            ))}
          </tr>
        </thead>
        <tbody>
          {rows.map((cells, i) => (
            <tr key={i}>
              {cells.map((cell, j) => (
                <td key={head[j]}>{cell}</td>
              ))}
            </tr>
          ))}
        </tbody>
      </table>
    </ScrollX>
  );
}
