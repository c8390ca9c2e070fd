import type { NotifyChannel } from '../../config/notifications.ts';
import type { Notice } from '../../format/notice.ts';
import { parseNoticeKey } from '../../format/notice.ts';
import { ChannelNotices } from '../../repository/documents/notices.ts';
import type { Repository } from '../../repository/repository.ts';
import type { FailingChannel } from '../verdict/facts.ts';

/** Deliveries to read for a channel. */
const MOST_SHOWN = 10;

/** What is shown of a message that was sent. */
export type ShownDelivery = Pick<
  Notice,
  'kind' | 'at' | 'title' | 'outcome' | 'attempts' | 'status' | 'problem'
>;

/** A channel, and what was sent to it. */
export interface ChannelStanding {
  readonly channel: NotifyChannel;
  readonly lastDelivered: ShownDelivery | undefined;
  readonly lastFailed: ShownDelivery | undefined;
  /** Newest first. */
  readonly deliveries: readonly ShownDelivery[];
}

/** What channels were sent last. @throws E_STORE_* */
export async function readChannels(
  repository: Repository,
  channels: readonly NotifyChannel[],
  signal: AbortSignal,
): Promise<ChannelStanding[]> {
  return Promise.all(
    channels.map(async (channel) => {
      const notices = await ChannelNotices.list(repository, channel.name, signal);
      const shown = notices.keys.slice(0, MOST_SHOWN);
      const last = (outcome: string) => notices.keys.find((key) => parseNoticeKey(key)?.outcome === outcome);
      const read = async (key: string | undefined) => {
        const notice = key === undefined ? undefined : await notices.read(key, signal);
        return notice && shownOf(notice);
      };
      const deliveries = (await Promise.all(shown.map(read))).filter((one) => one !== undefined);
      return {
        channel,
        lastDelivered: await read(last('delivered')),
        lastFailed: await read(last('failed')),
        deliveries,
      };
    }),
  );
}

/** @throws E_STORE_* */
export async function failingChannels(
  repository: Repository,
  channels: readonly NotifyChannel[],
  signal: AbortSignal,
): Promise<FailingChannel[]> {
  const found = await Promise.all(
    channels.map(async ({ name }) => {
      const notices = await ChannelNotices.list(repository, name, signal);
      const [key] = notices.keys;
      if (key === undefined || parseNoticeKey(key)?.outcome !== 'failed') return [];
      const notice = await notices.read(key, signal);
      return notice ? [{ name, at: new Date(notice.at), problem: notice.problem ?? '' }] : [];
    }),
  );
  return found.flat();
}

/** Where a channel's messages go, without secrets. */
export function destinationOf(channel: NotifyChannel): string {
  if (channel.kind === 'email') return channel.topic;
  if (channel.kind === 'eventbridge') return channel.bus;
  return channel.url;
}

function shownOf({ kind, at, title, outcome, attempts, status, problem }: Notice): ShownDelivery {
  return { kind, at, title, outcome, attempts, status, problem };
}
