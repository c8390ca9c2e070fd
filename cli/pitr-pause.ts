import { openChangeSetup } from '../shared/jobs/changes/openers.ts';
import { pauseChanges, resumeChanges } from '../shared/jobs/changes/pause.ts';
import { bytes, duration } from './format.ts';
import type { Io } from './io.ts';
import type { PitrFlags } from './pitr-options.ts';
import { type ContinuousSource, continuousSource } from './pitr-source.ts';
import { CommandSession } from './session.ts';

/** `holdfast pitr pause`: all pollers of the source stop, here and on AWS; the server goes on keeping its log. */
export async function pitrPause(flags: PitrFlags, io: Io): Promise<number> {
  await using session = await CommandSession.open({ ...flags, source: undefined }, io);
  const source = continuousSource(flags.source, session.config, io);
  const { kind, name } = source;
  const pause = await pauseChanges(session.repository.store, { kind, name }, io.signal);
  const held = await heldBytes(source, io);
  const document = { source: name, paused: pause?.since.toISOString() ?? null, heldBytes: held ?? null };
  await session.print(
    document,
    `Polling of ${name} is paused until you run: holdfast pitr resume\n${costOf(source, held)}\n`,
  );
  return 0;
}

/** `holdfast pitr resume`. */
export async function pitrResume(flags: PitrFlags, io: Io): Promise<number> {
  await using session = await CommandSession.open({ ...flags, source: undefined }, io);
  const { kind, name } = continuousSource(flags.source, session.config, io);
  const wasPaused = await resumeChanges(session.repository.store, { kind, name }, io.signal);
  const said = wasPaused
    ? `${name} is polled again. The next poll stores what changed meanwhile, unless holdfast pitr status shows a gap then.\n`
    : `${name} was not paused.\n`;
  await session.print({ source: name, paused: null, wasPaused }, said);
  return 0;
}

/** What a pause costs the server: sentences. */
function costOf({ settings }: ContinuousSource, held: number | undefined): string {
  const { mostHeldBytes, mostIdleMs } = settings;
  const now = held === undefined ? '' : ` (${bytes(held)} now)`;
  return `Meanwhile the server may have to keep its log${now} on its disk. The watchdog makes it release the log at ${bytes(mostHeldBytes)}, or after ${duration(mostIdleMs)} without a poll: then moments of the pause are lost, and a new backup is made.`;
}

/** Undefined if the server cannot be asked from here, or holds none. */
async function heldBytes(source: ContinuousSource, io: Io): Promise<number | undefined> {
  try {
    await using setup = await openChangeSetup(source.place, io.env);
    return (await setup.state(io.signal)).heldBytes;
  } catch (error) {
    if (io.signal.aborted) throw error;
    return undefined;
  }
}
