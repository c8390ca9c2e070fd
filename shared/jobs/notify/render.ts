import type { JsonObject } from '../../core/json.ts';
import { LEVELS } from '../verdict/rules.ts';
import type { Message } from './message.ts';
import type { Outlook } from './outlook.ts';

/** SNS's limit on a subject, which must be ASCII without line ends. */
const MOST_SUBJECT_CHARS = 100;
/**
 * Slack's limits: a header block; the text of a section; all blocks together (it refuses some 13,000); number
 * of blocks.
 */
const MOST_HEADER_CHARS = 150;
const MOST_SECTION_CHARS = 3000;
const MOST_SLACK_CHARS = 10_000;
const MOST_BLOCKS = 50;
/** Teams refuses messages of 28 KB. */
const MOST_TEAMS_BYTES = 24_000;
/** The version of the JSON of webhooks and events; docs/reference/notifications.schema.json. */
const SCHEMA = 1;

/** The subject of an e-mail. */
export function subjectOf({ title }: Message): string {
  const ascii = `Holdfast: ${title}`.replaceAll(/[^\x20-\x7e]+/g, '?');
  return ascii.length <= MOST_SUBJECT_CHARS ? ascii : `${ascii.slice(0, MOST_SUBJECT_CHARS - 3)}...`;
}

/** The whole message in plain text. */
export function textOf({ title, parts, facts, foot }: Message): string {
  return [
    title,
    ...parts.map((part) => `${part.title}:\n${part.lines.map((line) => `- ${line}`).join('\n')}`),
    ...(facts.length > 0 ? [facts.map(({ name, value }) => `${name}: ${value}`).join('\n')] : []),
    foot,
  ].join('\n\n');
}

/** For a Slack incoming webhook: blocks, and a text for when they are not shown. */
export function slackOf(message: Message): JsonObject {
  const { title, parts, facts, foot } = message;
  const sections = [
    ...parts.map(
      (part) => `*${escaped(part.title)}*\n${part.lines.map((line) => `• ${escaped(line)}`).join('\n')}`,
    ),
    ...facts.map(({ name, value }) => `*${escaped(name)}*: ${escaped(value)}`),
  ].flatMap((text) => split(text, MOST_SECTION_CHARS));
  const shown = fitting(sections, MOST_SLACK_CHARS).slice(0, MOST_BLOCKS - 3);
  const section = (text: string) => ({ type: 'section', text: { type: 'mrkdwn', text } });
  return {
    text: escaped(`${mark(message)} ${title}`),
    blocks: [
      {
        type: 'header',
        text: {
          type: 'plain_text',
          text: `${mark(message)} ${title}`.slice(0, MOST_HEADER_CHARS),
          emoji: true,
        },
      },
      ...shown.map(section),
      ...(shown.length < sections.length ? [section(`and ${sections.length - shown.length} more`)] : []),
      { type: 'context', elements: [{ type: 'mrkdwn', text: escaped(foot).slice(0, MOST_SECTION_CHARS) }] },
    ],
  };
}

/** For a webhook of Teams Workflows: an adaptive card. */
export function teamsOf(message: Message): JsonObject {
  const { title, parts, facts, foot } = message;
  const block = (text: string, more: JsonObject = {}) => ({ type: 'TextBlock', text, wrap: true, ...more });
  const body = [
    ...parts.flatMap((part) => [
      block(plain(part.title), { weight: 'Bolder' }),
      ...part.lines.map((line) => block(`- ${plain(line)}`, { spacing: 'None' })),
    ]),
    ...facts.map(({ name, value }) => ({
      type: 'FactSet',
      facts: [{ title: plain(name), value: plain(value) }],
    })),
  ];
  const shown = fitting(body, MOST_TEAMS_BYTES);
  const more = body.length - shown.length;
  const content = {
    $schema: 'http://adaptivecards.io/schemas/adaptive-card.json',
    type: 'AdaptiveCard',
    version: '1.4',
    body: [
      block(plain(title), { size: 'Large', weight: 'Bolder', color: COLOURS[message.level] }),
      ...shown,
      ...(more > 0 ? [block(`and ${more} more`)] : []),
      block(plain(foot), { isSubtle: true, size: 'Small' }),
    ],
  };
  return {
    type: 'message',
    attachments: [{ contentType: 'application/vnd.microsoft.card.adaptive', contentUrl: null, content }],
  };
}

/** For programs: webhooks and events. */
export function jsonOf(
  message: Message,
  {
    delivery,
    channel,
    outlook,
  }: { readonly delivery: string; readonly channel: string; readonly outlook: Outlook | undefined },
): JsonObject {
  const { kind, level, title, at } = message;
  const { sources = [], findings = [], repository = '' } = outlook ?? {};
  return {
    schema: SCHEMA,
    delivery,
    channel,
    kind,
    at: at.toISOString(),
    repository,
    level,
    title,
    text: textOf(message),
    findings: findings.map(({ id, rule, level: of, source, text }) => ({
      id,
      rule,
      level: of,
      source,
      text,
    })),
    sources: sources.map((source) => ({ ...source })),
  };
}

const COLOURS: Readonly<Record<Message['level'], string>> = {
  protected: 'Good',
  unknown: 'Default',
  'at-risk': 'Warning',
  unprotected: 'Attention',
};

const MARKS = ['✅', '❔', '⚠️', '🛑'];

function mark({ level, kind }: Message): string {
  return kind === 'test' ? '🔔' : (MARKS[LEVELS.indexOf(level)] ?? '');
}

/** `<!channel>` would notify everybody: Slack interprets these three characters. */
function escaped(text: string): string {
  return text.replaceAll('&', '&amp;').replaceAll('<', '&lt;').replaceAll('>', '&gt;');
}

/** Text blocks of cards interpret Markdown links and emphasis. */
function plain(text: string): string {
  return text.replaceAll(/[[\]*_`\\]/g, String.raw`\$&`);
}

/** Split between lines; no line is that long. */
function split(text: string, most: number): string[] {
  const parts: string[] = [];
  for (const line of text.split('\n')) {
    const last = parts.at(-1);
    if (last === undefined || last.length + 1 + line.length > most) parts.push(line.slice(0, most));
    else parts[parts.length - 1] = `${last}\n${line}`;
  }
  return parts;
}

/** As many from the beginning as fit. */
function fitting<T>(given: readonly T[], most: number): T[] {
  let used = 0;
  return given.filter((one) => {
    used += Buffer.byteLength(JSON.stringify(one));
    return used <= most;
  });
}
