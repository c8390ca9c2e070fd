import { findingText, type SuspectFinding } from '../../../shared/core/backup-words.ts';
import { plural } from '../../../shared/core/plural.ts';
import { BackupLink } from '../../ui/backup-link.tsx';
import { isDamaged } from '../../ui/backup-state.tsx';
import { Note } from '../../ui/parts.tsx';
import type { Detail } from './detail.ts';

/** Reasons not to rely on a backup, and what to do. */
export function Warnings({ backup }: { readonly backup: Detail }) {
  return (
    <>
      {isDamaged(backup) && (
        <Note tone="bad">
          <strong>{backup.problem ?? 'A verification found damage in this backup.'}</strong>
          <span>
            Back up again: that stores what is missing from the live source. For data that only this backup
            has: <code>holdfast repair</code>, then <code>holdfast salvage</code>.
          </span>
        </Note>
      )}
      <Suspicion backup={backup} />
    </>
  );
}

function Suspicion({ backup }: { readonly backup: Detail }) {
  if (backup.suspect.length === 0) return null;
  const { accept } = backup.marks;
  const against = backup.sealed?.findings?.against;
  return (
    <Note tone={accept ? 'plain' : 'warn'}>
      <strong>{accept ? `Suspect, and accepted: ${accept.reason}` : 'This backup is suspect.'}</strong>
      {findingsOf(backup).map((finding) => (
        <span key={`${finding.code} ${finding.what}`}>
          {findingText(finding)} <code class="faint">{finding.code}</code>
        </span>
      ))}
      {!accept && (
        <span>
          It is kept, and nothing older of this source is pruned. If it is as it should be, accept it.
          {against !== undefined && (
            <>
              {' '}
              If something was lost, the backup of <BackupLink of={against} /> has it.
            </>
          )}
        </span>
      )}
    </Note>
  );
}

function findingsOf({ sealed, suspect }: Detail): readonly SuspectFinding[] {
  if (sealed?.findings)
    return sealed.findings.findings.map(({ code, dataset, before, now }) => ({
      code,
      what: dataset ?? 'the source',
      before,
      now,
    }));
  return suspect.map(({ code, datasets, before, now }) => ({
    code,
    what: plural(datasets, 'dataset'),
    before,
    now,
  }));
}
