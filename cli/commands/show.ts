import { readFile } from 'node:fs/promises';
import path from 'node:path';
import { backupName } from '../../shared/core/backup-words.ts';
import {
  type ProofEvidence,
  proofReportKey,
  readProofEvidence,
} from '../../shared/jobs/changes/proof/proof-report.ts';
import {
  type DrillEvidence,
  drillEvidenceIn,
  drillReportKey,
  readDrillEvidence,
} from '../../shared/jobs/drill/drill-evidence.ts';
import { type BackupDetail, showBackup } from '../../shared/jobs/status/show.ts';
import { KINDS } from '../../shared/sources/registry.ts';
import { standing, verification } from '../backup-state.ts';
import { COMMON_HELP, type Command, parse } from '../command.ts';
import { describeFindings } from '../describe-findings.ts';
import { describeEvidence, evidenceDocument } from '../drill-evidence.ts';
import { age, bytes, duration, number, table, time } from '../format.ts';
import { KEY_HELP, KEY_OPTIONS } from '../key-options.ts';
import { describeProof, proofDocument } from '../proof-evidence.ts';
import { CommandSession } from '../session.ts';
import { type Screen, type Styled, styled } from '../style.ts';

/** `holdfast show`: all that is known of one backup, or a report. */
export const show: Command = {
  options: KEY_OPTIONS,
  help: `Usage: holdfast show [KEY | REPORT]

Shows one backup: where it came from, what is suspect about it, whether it is held, verified and drilled, its datasets
with their records and sizes, and what it leaves out. KEY is any part of a name that fits one backup,
\`latest\`, or \`latest:SOURCE\`.

Given the name of a drill's report (drill_20260301_020000_0123abcd), or a file that the console or the API exported, it
shows the drill's evidence: what was restored, how it was compared, and whether MAC and signature are right.

Given the name of a proof's report (proof_20260301_020000_0123abcd), it shows how a backup was compared with the one
before it and the changes stored between them, and the rows that differ.

${KEY_HELP}
${COMMON_HELP}
Examples:
  holdfast show latest
  holdfast show 20260301 --json
  holdfast show drill_20260301_020000_0123abcd
  holdfast show ./drill_20260301_020000_0123abcd.json

Exit status: 0 shown; 10 no such backup or report; 11 KEY fits several; 20 damaged, or changed.
`,

  async run(argv, io) {
    const { values, positionals } = parse(argv, KEY_OPTIONS, 1);
    await using session = await CommandSession.open({ ...values, source: undefined }, io);
    const evidence = await evidenceNamed(session, positionals[0]);
    if (evidence) {
      await session.print(evidenceDocument(evidence), describeEvidence(evidence, session.screen));
      return 0;
    }
    const proof = await proofNamed(session, positionals[0]);
    if (proof) {
      await session.print(proofDocument(proof), describeProof(proof, session.screen));
      return 0;
    }
    const key = await session.backup(positionals[0], values);
    const detail = await showBackup(session.repository, key, io.signal);
    await session.print(detail, describe(detail, session.repository.clock.now(), session.screen));
    return 0;
  },
};

/** The evidence of a drill, by the name of its report or from a file; undefined if `text` names a backup. */
async function evidenceNamed(
  { repository, io }: CommandSession,
  text: string | undefined,
): Promise<DrillEvidence | undefined> {
  if (text === undefined) return undefined;
  if (/(^|[/\\])drill_\d{8}_\d{6}_[0-9a-f]{8}\.json$/.test(text) && !text.startsWith('reports/')) {
    const bytes = await readFile(path.resolve(io.cwd, text));
    return drillEvidenceIn(repository, { bytes, name: path.basename(text) }, io.signal);
  }
  if (!/^(reports\/drill\/|drill_)/.test(text)) return undefined;
  return readDrillEvidence(repository, drillReportKey(text), io.signal);
}

/** What a proof found, by the name of its report; undefined if `text` names something else. */
async function proofNamed(
  { repository, io }: CommandSession,
  text: string | undefined,
): Promise<ProofEvidence | undefined> {
  if (text === undefined || !/^(reports\/proof\/|proof_)/.test(text)) return undefined;
  return readProofEvidence(repository, proofReportKey(text), io.signal);
}

function describe(detail: BackupDetail, now: Date, screen: Screen): Styled {
  const {
    key,
    source,
    server,
    position,
    startedAt,
    finishedAt,
    consistency,
    window,
    parent,
    packs,
    neededBytes,
    storedBytes,
    imported,
  } = detail;
  const took = duration(finishedAt.getTime() - startedAt.getTime());
  const rows = detail.datasets.map(({ name, kind, partitions, records, plainBytes }) => [
    name,
    kind,
    number(partitions),
    number(records),
    bytes(plainBytes),
  ]);
  const facts = [
    ['key', key],
    ['source', `${source.name} (${server})`],
    ...(imported
      ? describeImport(imported, { startedAt, position })
      : [['taken', `${time(startedAt)}, in ${took}, ${consistency}${position ? ` at ${position}` : ''}`]]),
    ...(window && consistency !== 'atomic'
      ? [['read', `from ${time(new Date(window.from))} to ${time(new Date(window.to))}`]]
      : []),
    ['compared with', parent ?? (imported ? 'nothing: it was imported' : 'nothing: it is the first')],
    ['size', `${bytes(detail.plainBytes)}, ${number(detail.records)} records`],
    ['stored', `${bytes(storedBytes)} added; needs ${number(packs)} packs of ${bytes(neededBytes)}`],
    ...(detail.note ? [['note', detail.note]] : []),
    ['state', standing(detail)],
    ['verified', verification(detail, now)],
    ...describeMarks(detail, now),
  ];
  const head = facts.map(([name = '', value = '']) => `${name.padEnd(14)} ${value}\n`).join('');
  const suspect = detail.findings ? describeSuspect(detail.findings) : '';
  const omitted = detail.omitted.map((line) => `  - ${line}\n`).join('');
  const datasets = table(['DATASET', 'KIND', 'PARTS', 'RECORDS', 'SIZE'], rows, screen);
  return styled`${head}${suspect}\n${datasets}${omitted && `\nNot in the backup:\n${omitted}`}`;
}

function describeImport(
  { at, format }: NonNullable<BackupDetail['imported']>,
  { startedAt, position }: Pick<BackupDetail, 'startedAt' | 'position'>,
): string[][] {
  const formats = KINDS.flatMap(({ imports }) => imports?.formats ?? []);
  const kind = formats.find((one) => one.format === format)?.label ?? format;
  return [
    ['dated', `${time(startedAt)}, according to its file or to who imported it`],
    ['imported', `${time(new Date(at))} from ${kind}, ${position}; it was not read from the database`],
  ];
}

function describeMarks({ marks: { hold, accept, drill } }: BackupDetail, now: Date): string[][] {
  const decided = (at: Date, reason: string) => `"${reason}", ${age(at, now)}`;
  return [
    ...(hold ? [['held', decided(hold.at, hold.reason)]] : []),
    ...(accept ? [['accepted', decided(accept.at, accept.reason)]] : []),
    ...(drill
      ? [['drilled', `${drill.outcome}, restored in ${duration(drill.restoreMs)}, ${age(drill.at, now)}`]]
      : []),
  ];
}

function describeSuspect(suspect: NonNullable<BackupDetail['findings']>): string {
  const lines = describeFindings(suspect)
    .map((line) => `  - ${line}\n`)
    .join('');
  return `\nSuspect, compared with ${backupName(suspect.against)}:\n${lines}`;
}
