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

/** The channels that this process can notify. */
export function notifiersOf(
  { config, io, progress }: CommandSession,
  { isQuiet = false }: { readonly isQuiet?: boolean } = {},
): LocalNotifiers {
  const onProblem = (message: string) => {
    if (!isQuiet) progress.say(`warning: ${message}`);
  };
  return localNotifiers(config.channels, { env: io.env, onProblem });
}

/** Notifies channels of changes. @throws the errors of reading the repository */
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

/** The same, after other work, which must not fail because of it. */
export async function notifyAfter(session: CommandSession): Promise<void> {
  const { io, progress } = session;
  if (io.signal.aborted) return;
  try {
    await notifyNow(session);
  } catch (error) {
    if (!io.signal.aborted) progress.say(`warning: no notifications were sent: ${(error as Error).message}`);
  }
}

/**
 * Opens what a command works with; if the repository cannot be opened, notifies channels. @throws as
 * `Session.open`
 */
export async function openOrNotify(
  flags: SessionFlags,
  io: Io,
  given: Parameters<typeof CommandSession.open>[2] = {},
): Promise<CommandSession> {
  const config = await loadConfig(flags, io);
  try {
    return await CommandSession.of(config, await repositoryConfig(config, io), { flags, io, ...given });
  } catch (error) {
    await notifyBlind(config, error, io);
    throw error;
  }
}

/** Every time: there is nowhere to record that it was sent. */
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
