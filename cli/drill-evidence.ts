import type { DrillEvidence } from '../shared/jobs/drill/drill-evidence.ts';
import { bytes, duration, number, plural, table, time } from './format.ts';
import { type Screen, type Styled, styled } from './style.ts';

const OUTCOMES = {
  equal: 'restored, and equal to the backup in everything that was compared',
  different: 'restored, and DIFFERENT from the backup',
  failed: 'FAILED: not restored, or not fully compared',
} as const;

/** The document of `--json`. */
export function evidenceDocument({ body, at, storedAt, signature, ...evidence }: DrillEvidence): object {
  return {
    ...body,
    ...evidence,
    at,
    storedAt,
    signature: signature ?? null,
    details: evidence.details ?? null,
    manifestNow: evidence.manifestSha256 ?? null,
    manifestSha256: body.manifestSha256 ?? null,
    source: evidence.source ?? null,
  };
}

/** Evidence of a drill as text for a terminal or a file. */
export function describeEvidence(evidence: DrillEvidence, screen: Screen): Styled {
  const { key, at, backup, body, source, sha256, software, repository, isProven } = evidence;
  const facts = [
    ['report', key],
    ['result', OUTCOMES[body.outcome]],
    ['source', source?.name ?? 'not recorded'],
    ['backup', backup],
    ['its hash', hashText(evidence)],
    ['began', body.startedAt === undefined ? 'not recorded' : time(new Date(body.startedAt))],
    ['ended', time(at)],
    ['requested by', body.by ?? 'a command line or a schedule'],
    ['restored into', body.server ?? 'no server: it was not reached'],
    ['restored in', body.outcome === 'failed' ? '-' : duration(body.restoreMs)],
    ['compared', comparedText(body)],
    ['schema', body.schema ?? 'not recorded'],
    ...(body.moment === undefined ? [] : [['moment', momentText(body.moment)]]),
    ...(body.error === undefined ? [] : [['error', body.error]]),
    ['done with', software],
    ['repository', repository],
    ['SHA-256', `${sha256} (of the report)`],
    ['MAC', isProven ? 'right' : 'not checked: that needs the key'],
    ['signature', signatureText(evidence)],
  ];
  const head = facts.map(([name = '', value = '']) => `${name.padEnd(14)} ${value}\n`).join('');
  const rows = rowsOf(evidence);
  return rows.length === 0
    ? styled`${head}`
    : styled`${head}\n${table(['DATASET', 'BACKUP', 'RESTORED', ''], rows, screen)}`;
}

function comparedText({
  records,
  plainBytes,
  datasets,
  differentDatasets,
  compareMs,
}: DrillEvidence['body']) {
  return [
    plural(records, 'record'),
    ...(plainBytes === undefined ? [] : [bytes(plainBytes)]),
    ...(datasets === undefined ? [] : [plural(datasets, 'dataset')]),
    ...(differentDatasets === undefined ? [] : [`${number(differentDatasets)} of them different`]),
    ...(compareMs === undefined ? [] : [`in ${duration(compareMs)}`]),
  ].join(', ');
}

function momentText({ at, outcome, transactions, segments }: NonNullable<DrillEvidence['body']['moment']>) {
  const between = `${plural(transactions, 'transaction')} in ${plural(segments, 'segment')} after the backup`;
  return `${at}, ${between}: ${outcome === 'different' ? 'DIFFERENT' : outcome}`;
}

function hashText({ body, manifestSha256: now }: DrillEvidence): string {
  const then = body.manifestSha256;
  const state = now === undefined ? 'the backup is gone' : then === now ? 'unchanged since' : 'CHANGED since';
  return then === undefined ? 'not recorded' : `${then} (${state})`;
}

function signatureText({ signature }: DrillEvidence): string {
  if (!signature) return 'none';
  const { key, alg, state } = signature;
  return `${state === 'right' ? 'right' : 'by a key that is not one of signing.publicKeys'}: ${alg}, key ${key}`;
}

function rowsOf({ details }: DrillEvidence): string[][] {
  const { comparison } = details ?? {};
  if (!Array.isArray(comparison)) return [];
  return comparison.map((one) => {
    const { dataset, backupRecords, targetRecords, equal } = one as {
      readonly dataset: string;
      readonly backupRecords: number;
      readonly targetRecords: number;
      readonly equal: boolean;
    };
    return [dataset, number(backupRecords), number(targetRecords), equal ? 'equal' : 'DIFFERENT'];
  });
}
