import { backupName, findingText } from '../shared/core/backup-words.ts';
import type { BackupResult } from '../shared/jobs/backup/backup.ts';

type Suspect = NonNullable<BackupResult['suspect']>;

/** One line for each suspect finding about a backup. */
export function describeFindings({ findings }: Suspect): string[] {
  return findings.map(
    (finding) => `${findingText({ ...finding, what: finding.dataset ?? 'the source' })} (${finding.code})`,
  );
}

/** What to do about a suspect backup: accept it, or deal with the loss. */
export function adviseOnSuspect(key: string, { against }: Suspect): string[] {
  return [
    `It is kept. Nothing older of this source is pruned, and it does not count as a good backup, until you decide:`,
    `  it is as it should be:  holdfast accept ${backupName(key)} --reason "…"`,
    `  something was lost:     ${backupName(against)} has it; fix the source, then back up again`,
  ];
}
