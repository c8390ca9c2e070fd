import { bytes } from '../../../shared/core/human.ts';
import { number, plural } from '../../../shared/core/plural.ts';
import { BackupLink } from '../../ui/backup-link.tsx';
import { isDamaged } from '../../ui/backup-state.tsx';
import { Note } from '../../ui/parts.tsx';
import type { Detail } from './detail.ts';

interface Finding {
  readonly code: string;
  /** Undefined if only numbers are known. */
  readonly what: string;
  readonly before: number;
  readonly now: number;
}

/** Each kind of finding in words; docs/guide/operations.md says what to do about it. */
const SAYS: Readonly<Record<string, (finding: Finding) => string>> = {
  'empty-read': ({ what, before }) => `${what} reads empty; it had ${plural(before, 'record')}`,
  'dataset-vanished': ({ what, before }) => `${what} is gone; it had ${plural(before, 'record')}`,
  'records-down': ({ what, before, now }) => `${what} has ${plural(now, 'record')}; it had ${number(before)}`,
  'ratio-collapsed': ({ what, before, now }) =>
    `most of ${what} was rewritten and no longer compresses, which looks like encryption: ${bytes(now)} per 1,000 records, was ${bytes(before)}`,
  'schema-gone': ({ what, before, now }) =>
    `the schema (${what}) has ${plural(now, 'line')}; it had ${number(before)}`,
};

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
          {SAYS[finding.code]?.(finding) ?? finding.code} <code class="faint">{finding.code}</code>
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

function findingsOf({ sealed, suspect }: Detail): readonly Finding[] {
  if (sealed?.findings)
    return sealed.findings.findings.map(({ code, dataset, before, now }) => ({
      code,
      what: dataset ?? 'the whole',
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
