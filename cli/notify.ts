import type { ResolvedConfig } from '../shared/config/config.ts';
import { systemClock } from '../shared/core/clock.ts';
import { HoldfastError } from '../shared/core/errors.ts';
import { type LocalNotifiers, localNotifiers } from '../shared/jobs/notify/local-notifier.ts';
import type { Sent } from '../shared/jobs/notify/notifier.ts';
import { blindOutlook, outlookOf } from '../shared/jobs/notify/outlook.ts';
import type { Io } from './io.ts';
import { loadConfig, repositoryConfig } from './load-config.ts';
import { readSafety } from './safety.ts';
import { CommandSession, type SessionFlags } from './session.ts';

/** Who can be told by this process. */
export function notifiersOf(
  { config, io, progress }: CommandSession,
  { isQuiet = false }: { readonly isQuiet?: boolean } = {},
): LocalNotifiers {
  const onProblem = (message: string) => {
    if (!isQuiet) progress.say(`warning: ${message}`);
  };
  return localNotifiers(config.channels, { env: io.env, onProblem });
}

/** Tells channels what has changed. @throws what reading the repository throws */
export async function notifyNow(session: CommandSession): Promise<readonly Sent[]> {
  const { own } = notifiersOf(session);
  if (!own) return [];
  const { facts, backups } = await readSafety(session);
  const { location } = session.repository.store;
  return own.check(
    session.repository,
    outlookOf(facts, { repository: location, backups }),
    session.io.signal,
  );
}

/** The same, after something was done: nothing fails for it. */
export async function notifyAfter(session: CommandSession): Promise<void> {
  const { io, progress } = session;
  if (io.signal.aborted) return;
  try {
    await notifyNow(session);
  } catch (error) {
    if (!io.signal.aborted)
      progress.say(`warning: nobody was told what changed: ${(error as Error).message}`);
  }
}

/** Opens what a command works with; if the repository cannot be opened, channels are told. @throws as `Session.open` */
export async function openOrNotify(flags: SessionFlags, io: Io): Promise<CommandSession> {
  const config = await loadConfig(flags, io);
  try {
    return await CommandSession.of(config, await repositoryConfig(config, io), { flags, io });
  } catch (error) {
    await notifyBlind(config, error, io);
    throw error;
  }
}

/** Each time: there is nowhere to keep that it was said. */
async function notifyBlind(config: ResolvedConfig, error: unknown, io: Io): Promise<void> {
  if (!(error instanceof HoldfastError) || io.signal.aborted) return;
  const onProblem = (message: string) => void io.stderr.write(`warning: ${message}\n`);
  const { own } = localNotifiers(config.channels, { env: io.env, onProblem });
  const about = {
    at: systemClock.now(),
    repository: config.repository ?? '',
    sources: config.sources.map(({ name }) => name),
  };
  await own?.check(undefined, blindOutlook(error.message, about), io.signal).catch(() => {});
}
