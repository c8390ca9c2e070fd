import { backupName } from '../shared/core/backup-words.ts';
import { WARNINGS_EXIT_STATUS } from '../shared/core/errors.ts';
import { openChangeSetup } from '../shared/jobs/changes/openers.ts';
import { readTimeline, type Timeline } from '../shared/jobs/changes/timeline.ts';
import { bytes, duration, plural } from './format.ts';
import type { Io } from './io.ts';
import type { PitrFlags } from './pitr-options.ts';
import { continuousSource } from './pitr-source.ts';
import { CommandSession } from './session.ts';

/** What the server says, or why it was not asked. */
type Server =
  | Awaited<ReturnType<Awaited<ReturnType<typeof openChangeSetup>>['state']>>
  | { readonly problem: string };

/** `holdfast pitr status`: which moments can be restored, and how far behind it is. */
export async function pitrStatus(flags: PitrFlags, io: Io): Promise<number> {
  await using session = await CommandSession.open({ ...flags, source: undefined }, io);
  const source = continuousSource(flags.source, session.config, io);
  const onWarning = (message: string) => session.progress.say(`warning: ${message}`);
  const timeline = await readTimeline(session.repository, { source, onWarning, signal: io.signal });
  const server = await askServer(source.place, io);
  const document = { source: source.name, ...timeline, hours: undefined, ...nulls(timeline), server };
  await session.print(document, describe(source.name, timeline, server));
  const isWell = timeline.baseDue === undefined && timeline.ranges.length > 0 && server.problem === undefined;
  return isWell ? 0 : WARNINGS_EXIT_STATUS;
}

function nulls({ readAt, lagMs, baseDue }: Timeline) {
  return { readAt: readAt ?? null, lagMs: lagMs ?? null, baseDue: baseDue ?? null };
}

/** The timeline is of use without the server too. */
async function askServer(place: Parameters<typeof openChangeSetup>[0], io: Io): Promise<Server> {
  try {
    await using setup = await openChangeSetup(place, io.env);
    return await setup.state(io.signal);
  } catch (error) {
    if (io.signal.aborted) throw error;
    return { problem: error instanceof Error ? error.message : String(error) };
  }
}

function describe(name: string, timeline: Timeline, server: Server): string {
  const { segments, storedBytes, readAt, lagMs, ranges, breaks, baseDue, warnings } = timeline;
  const held =
    'heldBytes' in server && server.heldBytes !== undefined
      ? `, ${bytes(server.heldBytes)} of its log held`
      : '';
  const lines = [
    readAt === undefined
      ? `${name}: no changes are stored`
      : `${name}: all that was committed by ${readAt} is stored (${duration(lagMs ?? 0)} ago${held})`,
    ...(segments === 0 ? [] : [`  ${plural(segments, 'segment')}, ${bytes(storedBytes)}`]),
    ranges.length === 0 ? 'No moment can be restored yet.' : 'Every moment of these can be restored:',
    ...ranges.map(({ from, to, base }) => `  ${from} to ${to}, from ${backupName(base)} on`),
    ...breaks.map(({ after, before, says }) => `Between ${after ?? 'the start'} and ${before}: ${says}`),
    ...(baseDue === undefined ? [] : [`warning: ${baseDue}; run: holdfast backup, or holdfast pitr run`]),
    ...warnings.map((warning) => `warning: ${warning}`),
    ...(server.problem === undefined ? [] : [`warning: ${server.problem}`]),
  ];
  return `${lines.join('\n')}\n`;
}
