import { readFileSync } from 'node:fs';
import { EventBridgeClient, PutEventsCommand } from '@aws-sdk/client-eventbridge';
import { PublishCommand, SNSClient } from '@aws-sdk/client-sns';
import { Ajv, type AnySchema } from 'ajv';
import { Ajv2020 } from 'ajv/dist/2020.js';
import addFormats from 'ajv-formats';
import { mockClient } from 'aws-sdk-client-mock';
import { afterEach, describe, expect, it } from 'vitest';
import type { NotifyChannel } from '../../../../shared/config/notifications.ts';
import { systemClock } from '../../../../shared/core/clock.ts';
import { decide } from '../../../../shared/jobs/notify/decide.ts';
import { deliver } from '../../../../shared/jobs/notify/deliver.ts';
import { type Message, messageOf, testMessage } from '../../../../shared/jobs/notify/message.ts';
import { type Outlook, outlookOf } from '../../../../shared/jobs/notify/outlook.ts';
import type { SourceFacts } from '../../../../shared/jobs/verdict/facts.ts';
import { startReceiver } from '../../../support/receiver.ts';
import { never } from '../../../support/repository/engine.ts';
import { GOOD, NOW } from '../verdict/cases.ts';

/**
 * Written by hand from Slack's reference of incoming webhooks and of the blocks `header` (plain text, 150 characters), `section` (3,000)
 * and `context` (10 elements); at most 50 blocks.
 */
const text = (type: string, maxLength: number) => ({
  type: 'object',
  required: ['type', 'text'],
  additionalProperties: false,
  properties: {
    type: { const: type },
    text: { type: 'string', minLength: 1, maxLength },
    emoji: { type: 'boolean' },
  },
});
const blockOf = (type: string, properties: Record<string, object>) => ({
  type: 'object',
  required: ['type', ...Object.keys(properties)],
  additionalProperties: false,
  properties: { type: { const: type }, ...properties },
});
const SLACK = {
  type: 'object',
  required: ['text', 'blocks'],
  additionalProperties: false,
  properties: {
    text: { type: 'string', minLength: 1, maxLength: 40_000 },
    blocks: {
      type: 'array',
      minItems: 1,
      maxItems: 50,
      items: {
        oneOf: [
          blockOf('header', { text: text('plain_text', 150) }),
          blockOf('section', { text: text('mrkdwn', 3000) }),
          blockOf('context', {
            elements: { type: 'array', minItems: 1, maxItems: 10, items: text('mrkdwn', 3000) },
          }),
        ],
      },
    },
  },
} satisfies AnySchema;

/** Written by hand from Microsoft's pages on webhooks of Workflows and from the schema of adaptive cards 1.4: TextBlock and FactSet. */
const TEXT_BLOCK = {
  type: 'object',
  required: ['type', 'text'],
  additionalProperties: false,
  properties: {
    type: { const: 'TextBlock' },
    text: { type: 'string', minLength: 1 },
    wrap: { type: 'boolean' },
    weight: { enum: ['Default', 'Lighter', 'Bolder'] },
    size: { enum: ['Default', 'Small', 'Medium', 'Large', 'ExtraLarge'] },
    color: { enum: ['Default', 'Dark', 'Light', 'Accent', 'Good', 'Warning', 'Attention'] },
    isSubtle: { type: 'boolean' },
    spacing: { enum: ['Default', 'None', 'Small', 'Medium', 'Large', 'ExtraLarge', 'Padding'] },
  },
};
const FACT_SET = blockOf('FactSet', {
  facts: {
    type: 'array',
    minItems: 1,
    items: {
      type: 'object',
      required: ['title', 'value'],
      additionalProperties: false,
      properties: { title: { type: 'string' }, value: { type: 'string' } },
    },
  },
});
const TEAMS = {
  type: 'object',
  required: ['type', 'attachments'],
  additionalProperties: false,
  properties: {
    type: { const: 'message' },
    attachments: {
      type: 'array',
      minItems: 1,
      maxItems: 1,
      items: {
        type: 'object',
        required: ['contentType', 'content'],
        additionalProperties: false,
        properties: {
          contentType: { const: 'application/vnd.microsoft.card.adaptive' },
          contentUrl: { type: 'null' },
          content: {
            type: 'object',
            required: ['type', 'version', 'body', '$schema'],
            additionalProperties: false,
            properties: {
              $schema: { const: 'http://adaptivecards.io/schemas/adaptive-card.json' },
              type: { const: 'AdaptiveCard' },
              version: { enum: ['1.0', '1.1', '1.2', '1.3', '1.4'] },
              body: { type: 'array', minItems: 1, items: { oneOf: [TEXT_BLOCK, FACT_SET] } },
            },
          },
        },
      },
    },
  },
} satisfies AnySchema;

const NOTIFICATION = JSON.parse(readFileSync('docs/reference/notifications.schema.json', 'utf8'));

const JUDGES = new Map([
  [SLACK, new Ajv().compile(SLACK)],
  [TEAMS, new Ajv().compile(TEAMS)],
  [NOTIFICATION, addFormats.default(new Ajv2020()).compile(NOTIFICATION)],
]);

function problemsBy(schema: AnySchema, document: unknown): unknown {
  const isValid = JUDGES.get(schema);
  return isValid?.(document) ? [] : (isValid?.errors ?? 'no judge');
}

const [shop] = GOOD.sources as [SourceFacts];
const HOSTILE = `<!channel> & [link](https://evil.example) *${'é'.repeat(40)}* <https://evil.example|click>`;

/** Messages of every kind, small and as large as they come. */
function messages(): readonly (readonly [name: string, message: Message, outlook: Outlook | undefined])[] {
  const many = Array.from({ length: 120 }, (_, i) => ({
    ...shop,
    name: i === 0 ? HOSTILE : `source-${i}-${'x'.repeat(60)}`,
    newestGood: i % 2 === 0 ? undefined : shop.newestGood,
    lastRun: { outcome: 'failed', at: NOW, code: 'E_SOURCE_REFUSED' } as const,
    verifiedAt: undefined,
  }));
  const worlds = {
    good: outlookOf(GOOD, { repository: 's3://bucket', backups: [] }),
    large: outlookOf(
      {
        ...GOOD,
        sources: many,
        unread: Array.from({ length: 40 }, (_, i) => `${HOSTILE} ${i} ${'y'.repeat(3000)}`),
      },
      { repository: 's3://bucket', backups: [] },
    ),
  };
  const settings = { on: 'all', digest: 'daily', sources: undefined, remindAfterMs: 1 } as const;
  const old = { at: '2026-01-01T00:00:00Z', findings: [], runs: {} };
  const said = (outlook: Outlook) => ({ ...old, findings: outlook.findings.map(({ id }) => id) });
  const more = (before: ReturnType<typeof said>) => ({
    ...before,
    findings: [...before.findings, 'gone/late'],
  });
  const told = Object.entries(worlds).flatMap(([world, outlook]) =>
    [undefined, old, said(outlook), said(worlds.large), more(said(outlook))].flatMap((before) =>
      decide(outlook, { said: before, digestAt: undefined }, settings).map((news) => {
        const message = messageOf(news, outlook, 'daily');
        return [`${news.kind} of a ${world} world`, message, outlook] as const;
      }),
    ),
  );
  return [...told, ['test', testMessage('ops', 's3://bucket', NOW), undefined]];
}

const ALL = messages();
const common = {
  name: 'ops',
  on: 'change',
  digest: 'off',
  sources: undefined,
  remindAfterMs: undefined,
} as const;
const channelOf = (more: object) => ({ ...common, ...more }) as NotifyChannel;

async function deliverTo(channel: NotifyChannel, message: Message, outlook: Outlook | undefined, url = '') {
  const readSecret = async (reference: string) => (reference === 'env:URL' ? url : 'key');
  const parcel = { message, delivery: `${'ab'.repeat(16)}-0`, outlook };
  return deliver(channel, parcel, { clock: systemClock, readSecret, attempts: 1, signal: never });
}

it('has messages of every kind', () => {
  expect([...new Set(ALL.map(([, { kind }]) => kind))].toSorted()).toEqual(
    NOTIFICATION.properties.kind.enum.toSorted(),
  );
});

describe('what arrives', () => {
  it.each([
    ['slack', SLACK],
    ['teams', TEAMS],
    ['webhook', NOTIFICATION],
  ] as const)('at a channel of kind %s has the shape that its owner asks for', async (kind, schema) => {
    const receiver = await startReceiver();
    const channel = channelOf({ kind, url: 'env:URL', signingKey: 'env:KEY' });
    for (const [name, message, outlook] of ALL) {
      expect(await deliverTo(channel, message, outlook, receiver.url)).toMatchObject({
        outcome: 'delivered',
      });
      const { body } = receiver.received.at(-1)!;
      expect([name, problemsBy(schema, JSON.parse(body))]).toEqual([name, []]);
      if (kind === 'teams') expect(Buffer.byteLength(body)).toBeLessThan(28 * 1024);
      if (kind === 'slack') expect(body.length).toBeLessThan(13_000);
    }
  });

  it('at Slack calls nobody, and links nowhere, whatever a name says', async () => {
    const receiver = await startReceiver();
    const channel = channelOf({ kind: 'slack', url: 'env:URL' });
    for (const [, message, outlook] of ALL) await deliverTo(channel, message, outlook, receiver.url);
    const all = receiver.received.map(({ body }) => body).join();
    expect(all).toContain('&lt;!channel&gt; &amp;');
    expect(all.replaceAll(/"type":"header","text":\{[^}]*\}/g, '')).not.toMatch(/<!|<https/);
  });

  it('by e-mail has a subject that SNS takes, and all of the text', async () => {
    const sns = mockClient(SNSClient);
    for (const [, message, outlook] of ALL) {
      sns.reset();
      const topic = 'arn:aws:sns:eu-west-1:123456789012:ops';
      expect(await deliverTo(channelOf({ kind: 'email', topic }), message, outlook)).toMatchObject({
        outcome: 'delivered',
      });
      const [called] = sns.commandCalls(PublishCommand);
      const { Subject = '', Message: body = '', TopicArn } = called!.args[0].input;
      expect(TopicArn).toBe(topic);
      expect(Subject).toMatch(/^[\x21-\x7e][\x20-\x7e]{0,99}$/);
      expect(Buffer.byteLength(body)).toBeLessThan(256 * 1024);
      expect(body).toContain(message.foot);
    }
  });

  it('at an event bus is an event of its kind, as documented', async () => {
    const events = mockClient(EventBridgeClient);
    events.on(PutEventsCommand).resolves({ FailedEntryCount: 0 });
    const bus = 'arn:aws:events:eu-west-1:123456789012:event-bus/ops';
    for (const [, message, outlook] of ALL)
      expect(await deliverTo(channelOf({ kind: 'eventbridge', bus }), message, outlook)).toMatchObject({
        outcome: 'delivered',
      });
    const entries = events
      .commandCalls(PutEventsCommand)
      .flatMap(({ args: [command] }) => command.input.Entries ?? []);
    expect(entries).toHaveLength(ALL.length);
    for (const [i, { EventBusName, Source, DetailType, Detail = '' }] of entries.entries()) {
      const { kind } = ALL[i]![1];
      expect([EventBusName, Source]).toEqual([bus, 'holdfast']);
      expect(DetailType).toBe(`Notification ${kind.charAt(0).toUpperCase()}${kind.slice(1)}`);
      expect(problemsBy(NOTIFICATION, JSON.parse(Detail))).toEqual([]);
      expect(Buffer.byteLength(Detail)).toBeLessThan(250_000);
    }
  });
});

describe('what AWS refuses', () => {
  afterEach(() => mockClient(SNSClient).restore());

  it('is a failure by its name, without what AWS says of whom', async () => {
    const sns = mockClient(SNSClient);
    const denied = Object.assign(new Error('User: arn:aws:iam::123456789012:user/me is not authorized'), {
      name: 'AuthorizationErrorException',
    });
    sns.on(PublishCommand).rejects(denied);
    const [, message, outlook] = ALL[0]!;
    const topic = 'arn:aws:sns:eu-west-1:123456789012:ops';
    expect(await deliverTo(channelOf({ kind: 'email', topic }), message, outlook)).toMatchObject({
      outcome: 'failed',
      problem: 'AWS did not accept it (AuthorizationErrorException)',
    });
    const events = mockClient(EventBridgeClient);
    events
      .on(PutEventsCommand)
      .resolves({ FailedEntryCount: 1, Entries: [{ ErrorCode: 'ThrottlingException' }] });
    const bus = 'arn:aws:events:eu-west-1:123456789012:event-bus/ops';
    expect(await deliverTo(channelOf({ kind: 'eventbridge', bus }), message, outlook)).toMatchObject({
      outcome: 'failed',
      problem: 'AWS did not accept it (ThrottlingException)',
    });
  });
});
