import type { ProofEvidence } from '../shared/jobs/changes/proof/proof-report.ts';
import { duration, number, plural, table, time } from './format.ts';
import { type Screen, type Styled, styled } from './style.ts';

const OUTCOMES = {
  equal: 'the backup is the one before it and the changes stored between them',
  different: 'the backup DIFFERS from the one before it and the changes stored between them',
  failed: 'FAILED: not compared',
} as const;

/** The document of `--json`. */
export function proofDocument({ body, before, signature, details, ...evidence }: ProofEvidence): object {
  return {
    ...body,
    ...evidence,
    before: before ?? null,
    signature: signature ?? null,
    details: details ?? null,
  };
}

/** A proof of stored changes as text for a terminal or a file. */
export function describeProof(evidence: ProofEvidence, screen: Screen): Styled {
  const { key, at, backup, before, body, sha256, software, repository, isProven, signature } = evidence;
  const facts = [
    ['report', key],
    ['result', OUTCOMES[body.outcome]],
    ['source', body.source?.name ?? 'not recorded'],
    ['backup', backup],
    ['before it', before ?? 'not known'],
    ['between', betweenText(body)],
    ['compared', comparedText(body)],
    ['ended', time(new Date(at))],
    ['requested by', body.by ?? 'a command line or a schedule'],
    ...(body.error === undefined ? [] : [['error', body.error]]),
    ['done with', software],
    ['repository', repository],
    ['SHA-256', `${sha256} (of the report)`],
    ['MAC', isProven ? 'right' : 'not checked: that needs the key'],
    ['signature', signature ? `${signature.state}: ${signature.alg}, key ${signature.key}` : 'none'],
  ];
  const head = facts.map(([name = '', value = '']) => `${name.padEnd(14)} ${value}\n`).join('');
  const rows = rowsOf(evidence);
  return rows.length === 0
    ? styled`${head}`
    : styled`${head}\n${table(['DATASET', 'RESULT', 'ROWS'], rows, screen)}`;
}

function betweenText({ segments, transactions }: ProofEvidence['body']): string {
  if (segments === undefined || transactions === undefined) return '-';
  return `${plural(transactions, 'transaction')} in ${plural(segments, 'segment')}`;
}

function comparedText({ datasets, differentDatasets, notCompared, proofMs }: ProofEvidence['body']): string {
  if (datasets === undefined) return '-';
  return [
    plural(datasets, 'dataset'),
    `${number(differentDatasets ?? 0)} of them different`,
    ...(notCompared ? [`${number(notCompared)} more could not be`] : []),
    ...(proofMs === undefined ? [] : [`in ${duration(proofMs)}`]),
  ].join(', ');
}

interface SealedDataset {
  readonly dataset: string;
  readonly state: string;
  readonly why: string | null;
  readonly columns: readonly string[];
  readonly differing: number;
  readonly differences: readonly { readonly problem: string; readonly key: readonly (string | null)[] }[];
}

function rowsOf({ details }: ProofEvidence): string[][] {
  const datasets = details?.['datasets'];
  if (!Array.isArray(datasets)) return [];
  return (datasets as unknown as readonly SealedDataset[]).flatMap(
    ({ dataset, state, why, columns, differing, differences }) => [
      [dataset, why === null ? state : `${state}: ${why}`, differing === 0 ? '' : number(differing)],
      ...differences.map(({ problem, key }) => [
        `  ${columns.map((name, i) => `${name}=${key[i] ?? 'NULL'}`).join(' ')}`,
        problem,
        '',
      ]),
    ],
  );
}
