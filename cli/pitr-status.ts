import { backupName } from '../shared/core/backup-words.ts';
import { WARNINGS_EXIT_STATUS } from '../shared/core/errors.ts';
import { openChangeSetup } from '../shared/jobs/changes/openers.ts';
import { type Pause, readPause } from '../shared/jobs/changes/pause.ts';
import { readTimeline, type Timeline } from '../shared/jobs/changes/timeline.ts';
import { bytes, duration, plural } from './format.ts';
import type { Io } from './io.ts';
import type { PitrFlags } from './pitr-options.ts';
import { type ContinuousSource, continuousSource } from './pitr-source.ts';
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
  const server = await askServer(source, io);
  const { kind, name } = source;
  const pause = await readPause(session.repository.store, { kind, name }, io.signal);
  const paused = pause?.since.toISOString() ?? null;
  const document = { source: name, ...timeline, hours: undefined, ...nulls(timeline), paused, server };
  await session.print(document, describe(name, timeline, { pause, server }));
  return isWell(timeline, { pause, server }) ? 0 : WARNINGS_EXIT_STATUS;
}

interface Beside {
  readonly pause: Pause | undefined;
  readonly server: Server;
}

function isWell({ baseDue, ranges }: Timeline, { pause, server }: Beside): boolean {
  return baseDue === undefined && ranges.length > 0 && pause === undefined && server.problem === undefined;
}

function nulls({ readAt, lagMs, baseDue }: Timeline) {
  return { readAt: readAt ?? null, lagMs: lagMs ?? null, baseDue: baseDue ?? null };
}

/** The timeline is of use without the server too. */
async function askServer(source: ContinuousSource, io: Io): Promise<Server> {
  try {
    await using setup = await openChangeSetup(source.place, io.env);
    return await setup.state(io.signal);
  } catch (error) {
    if (io.signal.aborted) throw error;
    return { problem: error instanceof Error ? error.message : String(error) };
  }
}

function describe(name: string, timeline: Timeline, { pause, server }: Beside): string {
  const { segments, storedBytes, readAt, lagMs, ranges, breaks, baseDue, warnings } = timeline;
  const held =
    'heldBytes' in server && server.heldBytes !== undefined
      ? `; the server holds ${bytes(server.heldBytes)} of its log`
      : '';
  const lines = [
    readAt === undefined
      ? `${name}: no changes are stored`
      : `${name}: everything committed by ${readAt} is stored (${duration(lagMs ?? 0)} ago${held})`,
    ...(segments === 0 ? [] : [`  ${plural(segments, 'segment')}, ${bytes(storedBytes)}`]),
    ranges.length === 0 ? 'No moment can be restored yet.' : 'These moments can be restored:',
    ...ranges.map(({ from, to, base }) => `  ${from} to ${to}, on top of ${backupName(base)}`),
    ...breaks.map(({ after, before, says }) => `Between ${after ?? 'the start'} and ${before}: ${says}`),
    ...(pause
      ? [
          `warning: polling has been paused since ${pause.since.toISOString()}, and the server keeps its log; run: holdfast pitr resume`,
        ]
      : []),
    ...(baseDue === undefined ? [] : [`warning: ${baseDue}; run: holdfast backup, or holdfast pitr run`]),
    ...warnings.map((warning) => `warning: ${warning}`),
    ...(server.problem === undefined ? [] : [`warning: ${server.problem}`]),
  ];
  return `${lines.join('\n')}\n`;
}
