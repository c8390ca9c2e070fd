import { type ChannelStanding, destinationOf } from '../../jobs/notify/deliveries.ts';
import type { NotificationsAnswer } from '../schema/notifications.ts';

/** Channels with what they were sent last. */
export function notificationsOf(standings: readonly ChannelStanding[]): NotificationsAnswer {
  return {
    channels: standings.map(({ channel, lastDelivered, lastFailed, deliveries }) => ({
      name: channel.name,
      kind: channel.kind,
      destination: destinationOf(channel),
      on: channel.on,
      digest: channel.digest,
      sources: channel.sources ? [...channel.sources] : null,
      lastDelivered: lastDelivered ?? null,
      lastFailed: lastFailed ?? null,
      deliveries: [...deliveries],
    })),
  };
}
