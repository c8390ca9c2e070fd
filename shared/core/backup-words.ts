import { bytes } from './human.ts';
import { number, plural } from './plural.ts';

/** `backup_daily_20260301_020000`: what commands and pages call a backup, of its key. */
export function backupName(key: string): string {
  return key.slice(key.lastIndexOf('/') + 1).replace(/\.json$/, '');
}

/** Whether a backup is suspect and nobody has accepted it. */
export function isWaiting({
  suspect,
  marks,
}: {
  readonly suspect: readonly unknown[];
  readonly marks: { readonly accept?: unknown };
}): boolean {
  return suspect.length > 0 && marks.accept === undefined;
}

/** `full`, `quick`, `part 3 of 7`, `new data`: only what the backup itself stored. */
export function depthName({
  kind,
  part = 1,
  of = 1,
}: {
  readonly kind: string;
  readonly part?: number | undefined;
  readonly of?: number | undefined;
}): string {
  if (kind === 'new') return of === 1 ? 'new data' : `new data, part ${part} of ${of}`;
  return kind === 'subset' ? `part ${part} of ${of}` : kind;
}

/** What is suspect about a dataset, or about some of them. */
export interface SuspectFinding {
  readonly code: string;
  /** Whose it is, as a sentence has it: `public.orders`, `the source`, `3 datasets`. */
  readonly what: string;
  /** Records; of `ratio-collapsed` bytes of 1,000 records, of `schema-gone` lines. */
  readonly before: number;
  readonly now: number;
}

/** A finding in words, without its code; docs/guide/operations.md says what to do about each. */
export function findingText(finding: SuspectFinding): string {
  return FINDINGS[finding.code]?.(finding) ?? finding.code;
}

const FINDINGS: Readonly<Record<string, (finding: SuspectFinding) => string>> = {
  'empty-read': ({ what, before }) => `${what} reads empty; it had ${plural(before, 'record')}`,
  'dataset-vanished': ({ what, before }) => `${what} is gone; it had ${plural(before, 'record')}`,
  'records-down': ({ what, before, now }) => `${what} has ${plural(now, 'record')}; it had ${number(before)}`,
  'ratio-collapsed': ({ what, before, now }) =>
    `most of ${what} was rewritten and no longer compresses, which looks like encryption: ${bytes(now)} per 1,000 records, was ${bytes(before)}`,
  'schema-gone': ({ what, before, now }) =>
    `the schema (${what}) has ${plural(now, 'line')}; it had ${number(before)}`,
};
