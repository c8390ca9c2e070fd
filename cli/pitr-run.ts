import { HoldfastError, isHoldfastError } from '../shared/core/errors.ts';
import { sleep } from '../shared/core/sleep.ts';
import { runBackup } from '../shared/jobs/backup/backup.ts';
import { openChanges } from '../shared/jobs/changes/openers.ts';
import { readPause } from '../shared/jobs/changes/pause.ts';
import { type PollResult, poller } from '../shared/jobs/changes/poll.ts';
import { needsBase } from '../shared/jobs/changes/timeline.ts';
import { bytes, plural } from './format.ts';
import { type Io, write } from './io.ts';
import { openNamedSource } from './named-source.ts';
import type { PitrFlags } from './pitr-options.ts';
import { ProofDuty } from './pitr-proof.ts';
import { type ContinuousSource, continuousSource } from './pitr-source.ts';
import { recordedCommand } from './recorded.ts';
import { CommandSession } from './session.ts';

/** What a backup that changes need is listed as. */
const BASE_TYPE = 'daily';

/** `holdfast pitr run`: polls until it is stopped, or once. */
export async function pitrRun(flags: PitrFlags, io: Io): Promise<number> {
  await using session = await CommandSession.open({ ...flags, source: undefined }, io);
  const source = continuousSource(flags.source, session.config, io);
  const poll = poller(session.repository, {
    source,
    idleMs: source.settings.idleMs,
    onWarning: (message) => session.progress.say(`warning: ${message}`),
  });
  const proofs = new ProofDuty(session, source);
  const isPaused = pauses(session, source);
  for (;;) {
    const result = (await isPaused()) ? undefined : await pollOr(flags.once === true, session, source, poll);
    const due = await dueBase(session, source, flags);
    if (due !== undefined) await makeBase(session, source, due);
    if (flags.once) return result && result.gaps.length > 0 ? 30 : 0;
    if (due === undefined && result?.isCaughtUp) await proofs.look();
    await sleep(source.settings.everyMs, io.signal);
  }
}

/** Why a backup has to be made now; undefined if none has to, or none may. */
async function dueBase(
  { repository, io }: CommandSession,
  source: ContinuousSource,
  flags: PitrFlags,
): Promise<string | undefined> {
  return flags['no-backup'] === true ? undefined : needsBase(repository, source, io.signal);
}

/** Whether the source is paused now; says so when that begins and ends. */
function pauses({ repository, progress, io }: CommandSession, { kind, name }: ContinuousSource) {
  let was = false;
  return async (): Promise<boolean> => {
    const pause = await readPause(repository.store, { kind, name }, io.signal);
    if (pause && !was)
      progress.say(
        `warning: polling of ${name} has been paused since ${pause.since.toISOString()}; run: holdfast pitr resume`,
      );
    if (!pause && was) progress.say(`${name} is polled again`);
    was = pause !== undefined;
    return was;
  };
}

/** A daemon goes on when the server or the store is away for a while, and says so. */
async function pollOr(
  isOnce: boolean,
  session: CommandSession,
  source: ContinuousSource,
  poll: ReturnType<typeof poller>,
): Promise<PollResult | undefined> {
  const { io } = session;
  try {
    await using changes = await openChanges(source.place, io.env);
    const result = await poll(changes, { signal: io.signal });
    await tell(session, source, result);
    return result;
  } catch (error) {
    if (isOnce || io.signal.aborted || !isHoldfastError(error) || !error.retryable) throw error;
    session.progress.say(`warning: ${error.message}; trying again`);
    return undefined;
  }
}

async function tell(session: CommandSession, { name }: ContinuousSource, result: PollResult): Promise<void> {
  const { segments, transactions, storedBytes, readAt, isCaughtUp, gaps, warnings } = result;
  for (const { says } of gaps) session.progress.say(`WARNING: ${says}`);
  for (const warning of warnings) session.progress.say(`warning: ${warning}`);
  const text = `${name}: ${plural(transactions, 'transaction')} in ${plural(segments, 'segment')}, ${bytes(storedBytes)}; stored up to ${readAt}${isCaughtUp ? '' : ', more to come'}\n`;
  const document = { source: name, ...result, position: result.position ?? null, readAt: readAt ?? null };
  if (session.isJson) await write(session.io.stdout, `${JSON.stringify(document)}\n`);
  else await session.report(document, text);
}

/** Without it, the newest changes could not be restored. A suspect one is stored, and said. */
async function makeBase(session: CommandSession, { name }: ContinuousSource, due: string): Promise<void> {
  const { repository, config, io, progress } = session;
  progress.say(`making a new backup: ${due}`);
  const source = await openNamedSource(session, name);
  const about = { kind: 'backup', source: source.name, type: BASE_TYPE } as const;
  const work = (signal: AbortSignal) =>
    runBackup(repository, source, {
      type: BASE_TYPE,
      suspects: config.suspects,
      onProgress: progress.on,
      signal,
    });
  const { key } = await recordedCommand(session, about, work, (result) => ({
    backup: result.key,
    records: result.records,
    plainBytes: result.plainBytes,
    storedBytes: result.storedBytes,
  }));
  progress.say(`${key} is listed`);
  const still = await needsBase(repository, { kind: source.kind, name: source.name }, io.signal);
  if (still !== undefined)
    throw new HoldfastError('E_CHANGES_NOT_SET_UP', `${key} was made, but changes cannot be applied to it`, {
      hint: 'Run `holdfast pitr doctor`.',
    });
}
