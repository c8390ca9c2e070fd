import { backupName } from '../shared/core/backup-words.ts';
import { ERRORS, HoldfastError } from '../shared/core/errors.ts';
import type { BackupKey } from '../shared/core/ids.ts';
import { changesOf } from '../shared/jobs/changes/changes-of.ts';
import { basesOf } from '../shared/jobs/changes/choose-moment.ts';
import type { DatasetProof } from '../shared/jobs/changes/proof/compare-with-stream.ts';
import type { Proof } from '../shared/jobs/changes/proof/prove-base.ts';
import { runProof } from '../shared/jobs/changes/proof/run-proof.ts';
import { plural, table } from './format.ts';
import type { Io } from './io.ts';
import { notifyAfter } from './notify.ts';
import type { PitrFlags } from './pitr-options.ts';
import { continuousSource } from './pitr-source.ts';
import { CommandSession } from './session.ts';

/** Differing rows that are printed of a dataset. */
const MOST_PRINTED = 5;

/** `holdfast pitr prove`: whether a backup is the one before it and the stored changes between them. */
export async function pitrProve(flags: PitrFlags, io: Io, given?: string): Promise<number> {
  await using session = await CommandSession.open({ ...flags, source: undefined }, io);
  const source = continuousSource(flags.source, session.config, io);
  const { repository, progress } = session;
  const onWarning = (message: string) => progress.say(`warning: ${message}`);
  const about = { source, onWarning, signal: io.signal };
  const base = given === undefined ? await newestBase(repository, about) : await session.backup(given);
  const plugin = changesOf(source);
  session.atEnd(() => notifyAfter(session));
  const { proof, error, report } = await runProof(repository, { base, plugin, onWarning, signal: io.signal });
  if (!proof) throw error ?? new HoldfastError('E_INTERNAL', 'a proof has neither a result nor an error');
  const document = { ...proof, datasets: proof.datasets.map(asDocument), report: report ?? null };
  await session.print(document, describe(proof, report));
  return proof.state === 'equal' ? 0 : ERRORS.E_DAMAGED.exitStatus;
}

/** @throws E_NO_BACKUP if no backup joins changes */
async function newestBase(
  repository: CommandSession['repository'],
  about: Parameters<typeof basesOf>[1],
): Promise<BackupKey> {
  for await (const { manifest } of basesOf(repository, about)) return manifest.key as BackupKey;
  throw new HoldfastError(
    'E_NO_BACKUP',
    `stored changes can be applied to no backup of ${about.source.name}`,
    {
      hint: 'Set up continuous backup with `holdfast pitr setup`, then make a backup.',
    },
  );
}

function asDocument({ why, ...rest }: DatasetProof) {
  return { ...rest, why: why ?? null };
}

function describe(
  { base, before, transactions, segments, state, datasets }: Proof,
  report: string | undefined,
): string {
  const lines = datasets.flatMap(({ dataset, state: of, why, differing, differences, columns }) => [
    [dataset, why === undefined ? of : `${of}: ${why}`, differing === 0 ? '' : String(differing)],
    ...differences
      .slice(0, MOST_PRINTED)
      .map(({ problem, key }) => [
        `  ${columns.map((name, i) => `${name}=${key[i] ?? 'NULL'}`).join(' ')}`,
        problem,
        '',
      ]),
  ]);
  const isPart = datasets.some((one) => one.state === 'not compared');
  const end =
    state === 'different'
      ? 'They do not agree: moments between the two backups cannot be trusted. Moments from the newer backup on can.'
      : `${isPart ? 'What could be compared agrees: no change of it' : 'They agree: no change between them'} was lost or doubled.`;
  return `${backupName(base)} against ${backupName(before)} and ${plural(transactions, 'transaction')} in ${plural(segments, 'segment')}
${table(['DATASET', 'RESULT', 'ROWS'], lines)}${end}
Report: ${report}
`;
}
