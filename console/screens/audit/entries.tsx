import type { AuditOutcome } from '../../../shared/core/api-names.ts';
import { plural } from '../../../shared/core/plural.ts';
import type { AnswerOf } from '../../api/types.ts';
import { runHref } from '../../routes.ts';
import { BackupLink } from '../../ui/backup-link.tsx';
import { Moment } from '../../ui/moment.tsx';
import { Badge, type Tone } from '../../ui/parts.tsx';
import { ScrollX } from '../../ui/scroll-x.tsx';
import { shortSource } from '../../ui/source-name.tsx';
import { actionTitle, outcomeTitle } from './titles.ts';

type Entry = AnswerOf<'audit'>['entries'][number];

const MOST_NAMED = 3;

/** Entries of the audit trail as a table, as cards on a phone. */
export function Entries({ entries }: { readonly entries: readonly Entry[] }) {
  return (
    <ScrollX label="Entries">
      <table class="table cards">
        <thead>
          <tr>
            <th>When</th>
            <th>Who</th>
            <th>What</th>
            <th>Source</th>
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
              <td>{entry.sources.map(shortSource).join(', ')}</td>
              <td>
                <Backups keys={entry.backups} />
              </td>
              <td class="whole">
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

const OUTCOMES: Readonly<Partial<Record<AuditOutcome, Tone>>> = {
  failed: 'bad',
  different: 'bad',
  damaged: 'bad',
  blocked: 'warn',
  equal: 'good',
  whole: 'good',
  done: 'good',
};

function What({ entry: { action, outcome } }: { readonly entry: Entry }) {
  return (
    <>
      {actionTitle(action)}{' '}
      {outcome !== null && <Badge tone={OUTCOMES[outcome] ?? 'plain'}>{outcomeTitle(outcome)}</Badge>}
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
