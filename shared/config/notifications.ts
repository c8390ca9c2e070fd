import * as z from 'zod';
import { arnOf, SecretArn } from '../core/arn.ts';
import { ageOf, isAge } from './age.ts';

const MOST_CHANNELS = 10;
const DEFAULT_REMINDER = '24h';

/** How often a summary is sent. */
const DIGESTS = ['daily', 'weekly', 'off'] as const;
/** How often a digest is sent. */
export type Digest = (typeof DIGESTS)[number];

/** Where a secret is: the value itself does not belong in a configuration file. */
const SecretReference = z.union([z.string().regex(/^env:[A-Za-z_][A-Za-z0-9_]*$/), SecretArn], {
  error: "say where the secret is: 'env:NAME', or the ARN of a Secrets Manager secret or SSM parameter",
});
const secretKey = z
  .string()
  .regex(arnOf({ kms: 'key/' }), 'give the ARN of a KMS key')
  .optional();

const ofEach = {
  name: z
    .string()
    .regex(
      /^[a-z][a-z0-9-]{0,31}$/,
      "a channel's name has 1 to 32 of a-z, 0-9 and '-', beginning with a letter",
    ),
  /** `change`: when the findings change. `all`: also after each backup of a source. */
  on: z.enum(['change', 'all']).optional(),
  /** @default the same as all channels */
  digest: z.enum(DIGESTS).optional(),
  /** Only findings about these, and about the repository as a whole. @default all */
  sources: z.array(z.string().min(1)).min(1).optional(),
};
const ofWeb = { url: SecretReference, secretKey };

const Channel = z.discriminatedUnion('kind', [
  z.strictObject({ kind: z.literal('webhook'), ...ofEach, ...ofWeb, signingKey: SecretReference }),
  z.strictObject({ kind: z.literal('slack'), ...ofEach, ...ofWeb }),
  z.strictObject({ kind: z.literal('teams'), ...ofEach, ...ofWeb }),
  z.strictObject({
    kind: z.literal('email'),
    ...ofEach,
    topic: z
      .string()
      .regex(arnOf({ sns: '' }), 'give the ARN of an SNS topic (arn:aws:sns:REGION:ACCOUNT:NAME)'),
  }),
  z.strictObject({
    kind: z.literal('eventbridge'),
    ...ofEach,
    bus: z
      .string()
      .regex(
        arnOf({ events: 'event-bus/' }),
        'give the ARN of an event bus (arn:aws:events:REGION:ACCOUNT:event-bus/NAME)',
      ),
  }),
]);

/** Who is told what, and how often. */
export const NotificationsConfig = z.strictObject({
  channels: z.array(Channel).min(1).max(MOST_CHANNELS),
  digest: z.enum(DIGESTS).optional(),
  /** How long until something still wrong is reported again: `24h`, or `off`. */
  remindAfter: z
    .string()
    .refine(
      (text) => text === 'off' || (isAge(text) && ageOf(text) > 0),
      "give an age such as '24h', or 'off'",
    )
    .optional(),
});

interface OfEach {
  readonly name: string;
  readonly on: 'change' | 'all';
  readonly digest: Digest;
  /** Undefined: all. */
  readonly sources: readonly string[] | undefined;
  /** Undefined: no reminders. */
  readonly remindAfterMs: number | undefined;
}
interface OfWeb {
  /** `env:NAME`, or an ARN. */
  readonly url: string;
  /** ARN of the customer-managed key that encrypts the secret. */
  readonly secretKey: string | undefined;
}

/** A channel of notifications. Holds no secret, only where each one is. */
export type NotifyChannel = OfEach &
  (
    | ({ readonly kind: 'webhook'; readonly signingKey: string } & OfWeb)
    | ({ readonly kind: 'slack' | 'teams' } & OfWeb)
    | { readonly kind: 'email'; readonly topic: string }
    | { readonly kind: 'eventbridge'; readonly bus: string }
  );

interface NotificationsInput {
  readonly notifications: z.infer<typeof NotificationsConfig> | undefined;
  /** Names in the configuration. */
  readonly sources: readonly string[];
  readonly fileName: string;
}

/** @returns channels with their defaults; adds what is wrong to `problems` */
export function resolveNotifications(
  { notifications, sources, fileName }: NotificationsInput,
  problems: string[],
): readonly NotifyChannel[] {
  if (!notifications) return [];
  const { channels, digest = 'weekly', remindAfter = DEFAULT_REMINDER } = notifications;
  const remindAfterMs = remindAfter === 'off' ? undefined : ageOf(remindAfter);
  const seen = new Set<string>();
  return channels.map((channel) => {
    const place = `${fileName}: notifications.channels '${channel.name}'`;
    if (seen.has(channel.name)) problems.push(`${place} appears twice; give each channel a name of its own`);
    seen.add(channel.name);
    for (const name of (channel.sources ?? []).filter((one) => !sources.includes(one)))
      problems.push(`${place}: sources has '${name}', which is not a source`);
    return {
      ...channel,
      ...('url' in channel ? { secretKey: channel.secretKey } : {}),
      on: channel.on ?? 'change',
      digest: channel.digest ?? digest,
      sources: channel.sources,
      remindAfterMs,
    } as NotifyChannel;
  });
}

/** ARNs of the secrets that a channel names. */
export function secretsOf(channel: NotifyChannel): readonly string[] {
  const references = [
    ...('url' in channel ? [channel.url] : []),
    ...('signingKey' in channel ? [channel.signingKey] : []),
  ];
  return references.filter((reference) => reference.startsWith('arn:'));
}
