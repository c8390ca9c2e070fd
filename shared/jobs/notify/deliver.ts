import type { NotifyChannel } from '../../config/notifications.ts';
import { isHoldfastError } from '../../core/errors.ts';
import type { Message } from './message.ts';
import type { Outlook } from './outlook.ts';
import { jsonOf, slackOf, subjectOf, teamsOf, textOf } from './render.ts';
import { type Delivery, failed, type SendOptions, sendWebhook } from './send-webhook.ts';

/**
 * Reads a secret that a channel names: `env:NAME`, or an ARN. @throws E_CONFIG and others, without the secret
 */
export type ReadSecret = (reference: string, signal: AbortSignal) => Promise<string>;

/** A message for one channel. */
export interface Parcel {
  readonly message: Message;
  /** Its id. */
  readonly delivery: string;
  /** As the channel sees it; undefined for a test. */
  readonly outlook: Outlook | undefined;
}

/** How it is sent. */
export interface DeliverOptions extends SendOptions {
  readonly readSecret: ReadSecret;
}

/** Sends a message in its channel's format. @throws only E_ABORTED: a failure is in the result */
export async function deliver(
  channel: NotifyChannel,
  parcel: Parcel,
  options: DeliverOptions,
): Promise<Delivery> {
  const { message, delivery } = parcel;
  const { signal } = options;
  try {
    if (channel.kind === 'email') {
      const { publish } = await import('./send-aws.ts');
      return await publish(channel.topic, { subject: subjectOf(message), text: textOf(message) }, signal);
    }
    if (channel.kind === 'eventbridge') {
      const { putNotification } = await import('./send-aws.ts');
      const detail = jsonOf(message, { ...parcel, channel: channel.name });
      return await putNotification(channel.bus, { kind: message.kind, detail }, signal);
    }
    const url = (await options.readSecret(channel.url, signal)).trim();
    const signingKey =
      channel.kind === 'webhook' ? await options.readSecret(channel.signingKey, signal) : undefined;
    const body = JSON.stringify(bodyOf(channel, parcel));
    return await sendWebhook({ url, body, delivery, kind: message.kind, signingKey }, options);
  } catch (error) {
    if (!isHoldfastError(error) || error.code === 'E_ABORTED') throw error;
    return failed({ attempts: 0, problem: error.message });
  }
}

function bodyOf({ kind, name }: NotifyChannel, parcel: Parcel) {
  if (kind === 'slack') return slackOf(parcel.message);
  if (kind === 'teams') return teamsOf(parcel.message);
  return jsonOf(parcel.message, { ...parcel, channel: name });
}
