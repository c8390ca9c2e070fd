import { HOUR_MS } from '../../shared/core/units.ts';
import { type RepositoryStatus, readStatus } from '../../shared/jobs/status.ts';
import { COMMON_HELP, type Command, parse } from '../command.ts';
import { age, bytes, number, ratio, shortKey, table } from '../format.ts';
import { Session } from '../session.ts';

/** A daily backup that is older than this is late. */
const LATE_MS = 26 * HOUR_MS;

export const status: Command = {
  options: {},
  help: `Usage: holdfast status

Shows the repository, the newest backup of each source and type with its age, what is stored, and what to do
next. Reads manifests only.

${COMMON_HELP}
Exit status: 0 shown; 10 no repository; 20 a listed backup's manifest is damaged.
`,

  async run(argv, io) {
    const { values } = parse(argv, {}, 0);
    await using session = await Session.open(values, io);
    const found = await readStatus(session.repository, io.signal);
    const now = session.repository.clock.now();
    const nextSteps = adviseOn(found, now);
    await session.print({ ...found, nextSteps }, describe(found, nextSteps, now));
    return found.damaged > 0 ? 20 : 0;
  },
};

function describe(found: RepositoryStatus, nextSteps: readonly string[], now: Date): string {
  const {
    location,
    repositoryId,
    rootKeyId,
    backups,
    newest,
    logicalBytes,
    packBytes,
    packs,
    unreferencedBytes,
  } = found;
  const rows = newest.map(({ source, type, key, startedAt, records, plainBytes, storedBytes }) => [
    source.name,
    type,
    shortKey(key),
    age(startedAt, now),
    number(records),
    bytes(plainBytes),
    bytes(storedBytes),
    ratio(plainBytes, storedBytes),
  ]);
  const header = ['SOURCE', 'TYPE', 'NEWEST', 'AGE', 'RECORDS', 'SIZE', 'ADDED', 'RATIO'];
  const unreferenced = unreferencedBytes > 0 ? ` (${bytes(unreferencedBytes)} of no listed backup)` : '';
  return `repository     ${location} (${repositoryId.slice(0, 8)}, format ${found.formatVersion}, key ${rootKeyId})
backups        ${number(backups)}${found.damaged > 0 ? `, ${found.damaged} of them damaged` : ''}
stored         ${bytes(packBytes)} in ${number(packs)} packs${unreferenced}
holds          ${bytes(logicalBytes)} if every backup were a copy: ${ratio(logicalBytes, packBytes)} smaller

${rows.length > 0 ? `${table(header, rows)}\n` : ''}Next:
${nextSteps.map((step) => `  - ${step}\n`).join('')}`;
}

function adviseOn({ backups, damaged, newest }: RepositoryStatus, now: Date): string[] {
  if (backups === 0) return ['Make the first backup: holdfast backup daily --source postgres://…'];
  const steps: string[] = [];
  if (damaged > 0)
    steps.push('A manifest is damaged: run `holdfast list`, and bring the object back from a copy.');
  for (const { type, startedAt, source } of newest) {
    const isLate = type === 'daily' && now.getTime() - startedAt.getTime() > LATE_MS;
    if (isLate)
      steps.push(
        `The newest daily backup of ${source.name} is ${age(startedAt, now).replace(' ago', '')} old: look at its schedule.`,
      );
  }
  steps.push('Prove that it restores: holdfast verify latest --full, and restore into a scratch database.');
  return steps;
}
