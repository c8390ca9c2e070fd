import * as z from 'zod';
import { Count, Time } from './values.ts';

const Outcome = z.enum(['delivered', 'failed']);
const KINDS = ['alarm', 'improved', 'recovered', 'reminder', 'run', 'digest', 'test'] as const;

const Sent = {
  kind: z.enum(KINDS),
  title: z.string(),
  outcome: Outcome,
  attempts: Count,
  status: z.int().nullable().describe('of the last HTTP response'),
  problem: z.string().nullable().describe('why it failed; without secrets'),
};

const Delivery = z.object({ ...Sent, at: Time });

const Channel = z.object({
  name: z.string(),
  kind: z.enum(['webhook', 'slack', 'teams', 'email', 'eventbridge']),
  destination: z.string().describe('an ARN, or where the address is kept; never a secret'),
  on: z.enum(['change', 'all']),
  digest: z.enum(['daily', 'weekly', 'off']),
  sources: z.array(z.string()).nullable().describe('null: all'),
  lastDelivered: Delivery.nullable(),
  lastFailed: Delivery.nullable(),
  deliveries: z.array(Delivery).describe('newest first, ten at most'),
});

/** The answer of `GET /notifications`. */
export const NotificationsAnswer = z.object({ channels: z.array(Channel) });
export type NotificationsAnswer = z.infer<typeof NotificationsAnswer>;

/** The body of a test of a channel. */
export const NotificationTestBody = z.strictObject({
  channel: z
    .string()
    .regex(/^[a-z][a-z0-9-]{0,31}$/, 'give the name of a channel')
    .describe('its name in the configuration'),
});
export type NotificationTestBody = z.infer<typeof NotificationTestBody>;

/** What came of that test. */
export const NotificationTestAnswer = z.object({
  channel: z.string(),
  ...Sent,
  answer: z.string().nullable().describe('the beginning of the response; without secrets'),
});
export type NotificationTestAnswer = z.infer<typeof NotificationTestAnswer>;
