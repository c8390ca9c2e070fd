import { useState } from 'preact/hooks';
import { AUDIT_ACTIONS, type AuditAction } from '../../shared/core/api-names.ts';
import { plural } from '../../shared/core/plural.ts';
import { call } from '../api/client.ts';
import type { AnswerOf } from '../api/types.ts';
import { runHref } from '../routes.ts';
import { BackupLink } from '../ui/backup-link.tsx';
import { SelectField, TextField } from '../ui/fields.tsx';
import { Moment } from '../ui/moment.tsx';
import { usePages } from '../ui/pages.ts';
import { Badge, PageHead, type Tone } from '../ui/parts.tsx';
import { ScrollX } from '../ui/scroll-x.tsx';
import { ShowMore } from '../ui/show-more.tsx';
import { Empty, FailureNote, Loading } from '../ui/states.tsx';

type Entry = AnswerOf<'audit'>['entries'][number];

const MOST_NAMED = 3;

/** Who did what, newest first. */
export function Audit() {
  const [action, setAction] = useState<AuditAction | ''>('');
  const [from, setFrom] = useState('');
  const [to, setTo] = useState('');
  const found = usePages(`audit ${action} ${from} ${to}`, (cursor) =>
    call('audit', { query: { action: action === '' ? undefined : action, from, to, cursor } }),
  );
  const pages = found.pages.value;
  const failure = found.failure.value;
  return (
    <div class="page">
      <PageHead title="Audit">
        <p class="soft">Who did what. Entries are kept in the repository, and cannot be changed.</p>
      </PageHead>
      <section class="card" aria-label="Entries">
        <search class="filters narrow">
          <SelectField
            label="Action"
            value={action}
            onInput={(value) => setAction(value as AuditAction | '')}
            options={[['', 'All'], ...AUDIT_ACTIONS.map((name) => [name, titleOf(name)] as const)]}
          />
          <TextField label="From" type="date" value={from} onInput={setFrom} />
          <TextField label="To" type="date" value={to} onInput={setTo} />
        </search>
        {failure && <FailureNote failure={failure} />}
        {pages.length > 0 ? (
          <Entries entries={pages.flatMap(({ entries }) => entries)} />
        ) : (
          !failure && <Loading lines={9} />
        )}
        <ShowMore of={found} />
      </section>
    </div>
  );
}

function Entries({ entries }: { readonly entries: readonly Entry[] }) {
  if (entries.length === 0) return <Empty title="Nothing is on record" />;
  return (
    <ScrollX label="Entries">
      <table class="table">
        <thead>
          <tr>
            <th>When</th>
            <th>Who</th>
            <th>What</th>
            <th>Backups</th>
            <th>About</th>
          </tr>
        </thead>
        <tbody>
          {entries.map((entry) => (
            <tr key={`${entry.report} ${entry.at}`}>
              <td>
                <Moment at={entry.at} />
              </td>
              <td>{entry.by ?? <span class="faint">command line or schedule</span>}</td>
              <td>
                <What entry={entry} />
              </td>
              <td>
                <Backups keys={entry.backups} />
              </td>
              <td>
                {entry.about}
                {entry.run !== null && (
                  <>
                    {' '}
                    <a class="small" href={runHref(entry.run)}>
                      run
                    </a>
                  </>
                )}
              </td>
            </tr>
          ))}
        </tbody>
      </table>
    </ScrollX>
  );
}

const OUTCOMES: Readonly<Record<string, Tone>> = { failed: 'bad', refused: 'warn', different: 'bad' };

function What({ entry: { action, outcome } }: { readonly entry: Entry }) {
  return (
    <>
      {titleOf(action)} {outcome !== null && <Badge tone={OUTCOMES[outcome] ?? 'plain'}>{outcome}</Badge>}
    </>
  );
}

function Backups({ keys }: { readonly keys: readonly string[] }) {
  return (
    <>
      {keys.slice(0, MOST_NAMED).map((key) => (
        <div key={key}>
          <span class="small">
            <BackupLink of={key} />
          </span>
        </div>
      ))}
      {keys.length > MOST_NAMED && <span class="small faint">{plural(keys.length, 'backup')} in all</span>}
    </>
  );
}

function titleOf(action: AuditAction): string {
  const words = action.replace('-', ' ');
  return words.charAt(0).toUpperCase() + words.slice(1);
}
