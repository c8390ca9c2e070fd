import { randomBytes } from 'node:crypto';
import type { NotifyChannel } from '../../config/notifications.ts';
import { HoldfastError, isHoldfastError } from '../../core/errors.ts';
import type { Said } from '../../format/notice.ts';
import { ChannelNotices, writeNotice } from '../../repository/documents/notices.ts';
import type { Repository } from '../../repository/repository.ts';
import { claimOf, decide, type Known, type News, seenBy } from './decide.ts';
import { type DeliverOptions, deliver, type Parcel } from './deliver.ts';
import { type Message, messageOf, testMessage } from './message.ts';
import type { Outlook } from './outlook.ts';
import type { Delivery } from './send-webhook.ts';

/** Whom a notifier tells, and how. */
export interface NotifierOptions extends Omit<DeliverOptions, 'signal'> {
  readonly channels: readonly NotifyChannel[];
  /**
   * Receives the reason why a channel could not be reached, or something could not be recorded: nothing else
   * fails because of it.
   */
  readonly onProblem: (message: string) => void;
}

/** The result of a notification. */
export interface Sent extends Delivery {
  readonly channel: string;
  readonly kind: Message['kind'];
  readonly title: string;
}

/**
 * Notifies channels of changes since their last report. Reports are recorded in the repository, so that
 * neither a restart nor another process repeats them; if that cannot be read or written, an alarm is sent
 * twice rather than not at all.
 */
export class Notifier {
  readonly #options: NotifierOptions;
  /** What this process reported to each channel, for when the repository cannot keep or return it. */
  readonly #memory = new Map<string, Known>();

  constructor(options: NotifierOptions) {
    this.#options = options;
  }

  /**
   * Sends what is due now. Throws only if it was stopped.
   *
   * @param repository undefined if it cannot be opened
   * @throws E_ABORTED
   */
  async check(repository: Repository | undefined, outlook: Outlook, signal: AbortSignal): Promise<Sent[]> {
    const told = this.#options.channels.map(async (channel) => {
      const seen = seenBy(outlook, channel);
      const { notices, known } = await this.#recall(repository, channel.name, signal);
      const sent: Sent[] = [];
      for (const news of decide(seen, known, channel))
        sent.push(...(await this.#tell(channel, news, { repository, notices, known, seen, signal })));
      return sent;
    });
    return (await Promise.all(told)).flat();
  }

  /**
   * Sends a test, once, and records the result.
   *
   * @throws E_UNKNOWN_NAME, E_ABORTED
   */
  async test(repository: Repository, name: string, signal: AbortSignal): Promise<Sent> {
    const channel = channelNamed(this.#options.channels, name);
    const { clock, onProblem } = this.#options;
    const message = testMessage(name, repository.store.location, clock.now());
    const id = `${randomBytes(16).toString('hex')}-0`;
    const parcel = { message, delivery: id, outlook: undefined };
    const delivery = await deliver(channel, parcel, { ...this.#options, attempts: 1, signal });
    await this.#note(repository, { channel, parcel, delivery, said: null });
    if (delivery.problem !== null) onProblem(problemOf(name, delivery.problem));
    return sentOf(channel, message, delivery);
  }

  /** What a channel was told, by the repository, or by this process's memory if that is newer. */
  async #recall(repository: Repository | undefined, name: string, signal: AbortSignal) {
    const memory = this.#memory.get(name);
    try {
      if (!repository) return { notices: undefined, known: memory ?? NOTHING };
      const notices = await ChannelNotices.list(repository, name, signal);
      const stored = { said: await notices.lastSaid(signal), digestAt: notices.digestAt };
      return { notices, known: newerOf(stored, memory) };
    } catch (error) {
      this.#passOver(error, `the last report to ${name} cannot be read`);
      return { notices: undefined, known: memory ?? NOTHING };
    }
  }

  async #tell(
    channel: NotifyChannel,
    news: News,
    { repository, notices, known, seen, signal }: Telling,
  ): Promise<readonly Sent[]> {
    const claim = claimOf(channel.name, news, known);
    const count = await this.#claim(notices, claim, signal);
    if (count === undefined) return [];
    const parcel = {
      message: messageOf(news, seen, channel.digest),
      delivery: `${claim}-${count}`,
      outlook: seen,
    };
    const delivery = await deliver(channel, parcel, { ...this.#options, signal });
    if (delivery.problem !== null) this.#options.onProblem(problemOf(channel.name, delivery.problem));
    if (repository) await this.#note(repository, { channel, parcel, delivery, said: news.said });
    if (delivery.outcome === 'delivered') this.#remember(channel.name, news, seen);
    await notices
      ?.trim(signal)
      .catch((error: unknown) => this.#passOver(error, 'old notices cannot be removed'));
    return [sentOf(channel, parcel.message, delivery)];
  }

  #remember(name: string, { kind, said }: News, { at }: Outlook): void {
    const before = this.#memory.get(name) ?? NOTHING;
    this.#memory.set(name, {
      said: said ?? before.said,
      digestAt: kind === 'digest' ? new Date(at) : before.digestAt,
    });
  }

  /** How many processes claimed this delivery before; undefined if another process is at it. */
  async #claim(notices: ChannelNotices | undefined, claim: string, signal: AbortSignal) {
    if (!notices) return 0;
    try {
      return await notices.claim(claim, signal);
    } catch (error) {
      this.#passOver(error, 'other processes cannot be told that this one sends a notification');
      return 0;
    }
  }

  async #note(repository: Repository, { channel, parcel, delivery, said }: Noted): Promise<void> {
    const { message, delivery: id } = parcel;
    const { outcome, attempts, status, problem } = delivery;
    const { kind, title } = message;
    try {
      const about = { id, channel: channel.name, kind, title };
      await writeNotice(repository, { ...about, outcome, attempts, status, problem, said });
    } catch (error) {
      this.#passOver(error, `the report to ${channel.name} cannot be recorded`);
    }
  }

  /** @throws E_ABORTED, and errors that are not Holdfast's */
  #passOver(error: unknown, what: string): void {
    if (!isHoldfastError(error) || error.code === 'E_ABORTED') throw error;
    this.#options.onProblem(`${what}: ${error.message}`);
  }
}

interface Telling {
  readonly repository: Repository | undefined;
  readonly notices: ChannelNotices | undefined;
  readonly known: Known;
  readonly seen: Outlook;
  readonly signal: AbortSignal;
}

interface Noted {
  readonly channel: NotifyChannel;
  readonly parcel: Parcel;
  readonly delivery: Delivery;
  readonly said: Said | null;
}

const NOTHING: Known = { said: undefined, digestAt: undefined };

/** The later of what the repository keeps and what this process remembers. */
function newerOf(stored: Known, memory: Known = NOTHING): Known {
  const isLater = (memory.said?.at ?? '') > (stored.said?.at ?? '');
  const digests = [stored.digestAt, memory.digestAt].filter((at) => at !== undefined);
  return {
    said: isLater ? memory.said : stored.said,
    digestAt: digests.toSorted((a, b) => b.getTime() - a.getTime())[0],
  };
}

/** @throws E_UNKNOWN_NAME */
export function channelNamed(channels: readonly NotifyChannel[], name: string): NotifyChannel {
  const found = channels.find((channel) => channel.name === name);
  if (found) return found;
  const names = channels.map((channel) => channel.name).join(', ');
  throw new HoldfastError('E_UNKNOWN_NAME', `there is no channel '${name}'`, {
    hint: names === '' ? 'Configure notifications.channels.' : `The channels are ${names}.`,
  });
}

function sentOf({ name }: NotifyChannel, { kind, title }: Message, delivery: Delivery): Sent {
  return { channel: name, kind, title, ...delivery };
}

function problemOf(channel: string, problem: string): string {
  return `the channel ${channel} could not be reached: ${problem}`;
}
