import { EventBridgeClient, PutEventsCommand } from '@aws-sdk/client-eventbridge';
import { PublishCommand, SNSClient } from '@aws-sdk/client-sns';
import { EVENT_SOURCE, NOTIFICATION_TYPES } from '../../config/events.ts';
import type { JsonObject } from '../../core/json.ts';
import { type Delivery, failed } from './send-webhook.ts';

/** Position in an ARN. */
const REGION_PART = 3;
/** An event may have 256 KiB including its name; the rest of it is small. */
const MOST_EVENT_BYTES = 200_000;

/** Publishes to a topic, whose subscribers get an email. Never throws. */
export function publish(
  topic: string,
  { subject, text }: { readonly subject: string; readonly text: string },
  abortSignal: AbortSignal,
): Promise<Delivery> {
  return sent(async () => {
    const client = new SNSClient({ region: regionOf(topic) });
    await client.send(new PublishCommand({ TopicArn: topic, Subject: subject, Message: text }), {
      abortSignal,
    });
  });
}

/** Puts an event on a bus. Never throws. */
export function putNotification(
  bus: string,
  { kind, detail }: { readonly kind: keyof typeof NOTIFICATION_TYPES; readonly detail: JsonObject },
  abortSignal: AbortSignal,
): Promise<Delivery> {
  return sent(async () => {
    const whole = JSON.stringify(detail);
    // Findings can be asked for; the message that there are some must get through.
    const Detail =
      Buffer.byteLength(whole) <= MOST_EVENT_BYTES
        ? whole
        : JSON.stringify({ ...detail, findings: [], sources: [], cut: true });
    const entry = { EventBusName: bus, Source: EVENT_SOURCE, DetailType: NOTIFICATION_TYPES[kind], Detail };
    const client = new EventBridgeClient({ region: regionOf(bus) });
    const { Entries = [], FailedEntryCount = 0 } = await client.send(
      new PutEventsCommand({ Entries: [entry] }),
      {
        abortSignal,
      },
    );
    if (FailedEntryCount > 0) throw Object.assign(new Error(), { name: Entries[0]?.ErrorCode ?? 'refused' });
  });
}

/** The SDK itself retries. */
async function sent(send: () => Promise<void>): Promise<Delivery> {
  try {
    await send();
    return { outcome: 'delivered', attempts: 1, status: null, problem: null, answer: null };
  } catch (error) {
    const { name } = error as Error;
    return failed({ attempts: 1, problem: `AWS did not accept it (${name})` });
  }
}

function regionOf(arn: string): string {
  return arn.split(':')[REGION_PART] ?? '';
}
