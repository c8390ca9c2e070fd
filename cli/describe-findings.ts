import type { BackupResult } from '../shared/jobs/backup/backup.ts';
import { bytes, number, plural, shortKey } from './format.ts';

type Suspect = NonNullable<BackupResult['suspect']>;
type Finding = Suspect['findings'][number];

/** One line for each suspect finding about a backup. */
export function describeFindings({ findings }: Suspect): string[] {
  return findings.map((finding) => `${SAYS[finding.code](finding)} (${finding.code})`);
}

/** What to do about a suspect backup: accept it, or deal with the loss. */
export function adviseOnSuspect(key: string, { against }: Suspect): string[] {
  return [
    `It is kept. Nothing older of this source is pruned, and it does not count as a good backup, until you decide:`,
    `  it is as it should be:  holdfast accept ${shortKey(key)} --reason "…"`,
    `  something was lost:     ${shortKey(against)} has it; fix the source, then back up again`,
  ];
}

const SAYS: Readonly<Record<Finding['code'], (finding: Finding) => string>> = {
  'empty-read': ({ dataset, before }) => `${nameOf(dataset)} reads empty; it had ${plural(before, 'record')}`,
  'dataset-vanished': ({ dataset, before }) =>
    `${nameOf(dataset)} is gone; it had ${plural(before, 'record')}`,
  'records-down': ({ dataset, before, now }) =>
    `${nameOf(dataset)} has ${plural(now, 'record')}; it had ${number(before)}`,
  'ratio-collapsed': ({ dataset, before, now }) =>
    `most of ${nameOf(dataset)} was rewritten and no longer compresses, which looks like encryption: ${bytes(now)} per 1,000 records, was ${bytes(before)}`,
  'schema-gone': ({ dataset, before, now }) =>
    `the schema (${nameOf(dataset)}) has ${plural(now, 'line')}; it had ${number(before)}`,
};

function nameOf(dataset: string | null): string {
  return dataset ?? 'the source';
}
