import type { Digest } from '../../config/notifications.ts';
import { age, bytes } from '../../core/human.ts';
import { plural } from '../../core/plural.ts';
import type { NoticeKind } from '../../format/notice.ts';
import { LEVEL_NAMES, listed } from '../verdict/sentences.ts';
import type { News } from './decide.ts';
import type { Outlook, OutlookFinding, OutlookSource } from './outlook.ts';

/** Lines in a part: more are only counted. Slack and Teams refuse long messages. */
const MOST_LINES = 15;
const MOST_LINE_CHARS = 400;

/** A notification in words; each kind of channel formats it in its own way. */
export interface Message {
  readonly kind: NoticeKind;
  readonly level: Outlook['level'];
  /** One line. */
  readonly title: string;
  readonly parts: readonly { readonly title: string; readonly lines: readonly string[] }[];
  /** By name, for a digest: the content of a table. */
  readonly facts: readonly { readonly name: string; readonly value: string }[];
  /** The repository, and when it was checked. */
  readonly foot: string;
  readonly at: Date;
}

/** A report in words. @param outlook as the channel sees it */
export function messageOf(news: News, outlook: Outlook, digest: Digest): Message {
  const { kind, level, findings, fresh, over } = news;
  const others = findings.filter((finding) => !fresh.includes(finding));
  const isDigest = kind === 'digest';
  const parts = [
    part('New', fresh.map(textOf(outlook))),
    part(
      fresh.length > 0 || isDigest ? 'Known before' : 'Still found',
      isDigest ? [] : others.map(textOf(outlook)),
    ),
    part('Over', over.map(describeId)),
    part('Runs', news.runs.map(describeRun)),
    part('Problems', isDigest ? findings.map(textOf(outlook)) : []),
  ].filter(({ lines }) => lines.length > 0);
  const at = new Date(outlook.at);
  return {
    kind,
    level,
    title: titleOf(news, digest),
    parts,
    facts: isDigest ? outlook.sources.map((source) => factOf(source, at)) : [],
    foot: `${outlook.repository}, checked at ${minute(at)}`,
    at,
  };
}

/** The message of a test. */
export function testMessage(channel: string, repository: string, at: Date): Message {
  return {
    kind: 'test',
    level: 'unknown',
    title: `Test of the channel ${channel}`,
    parts: [
      {
        title: 'Test',
        lines: ['This is a test: nothing happened. Notifications from Holdfast arrive this way.'],
      },
    ],
    facts: [],
    foot: `${repository}, ${minute(at)}`,
    at,
  };
}

function titleOf({ kind, level, findings, fresh, over, runs }: News, digest: Digest): string {
  const name = LEVEL_NAMES[level];
  switch (kind) {
    case 'alarm':
      return `${name}: ${placesOf(fresh)}`;
    case 'reminder':
      return `Still ${name.toLowerCase()}: ${placesOf(findings)}`;
    case 'improved':
      return `Improved, still ${name.toLowerCase()}: ${placesOf(findings)}`;
    case 'recovered':
      return `Recovered: ${listed([...new Set(over.map((id) => id.split('/')[0] || 'the repository'))])}`;
    case 'run':
      return `Backup ${listed(runs.map(({ name: source, lastRun }) => `${lastRun?.outcome ?? ''}: ${source}`))}`;
    case 'digest':
      return `${digest === 'daily' ? 'Daily' : 'Weekly'} digest: ${name.toLowerCase()}`;
  }
}

function placesOf(findings: readonly OutlookFinding[]): string {
  return listed([...new Set(findings.map(({ source }) => source ?? 'the repository'))]);
}

function part(title: string, lines: readonly string[]): Message['parts'][number] {
  const shown = lines
    .slice(0, MOST_LINES)
    .map((line) => (line.length <= MOST_LINE_CHARS ? line : `${line.slice(0, MOST_LINE_CHARS - 1)}…`));
  const more = lines.length - shown.length;
  return { title, lines: more > 0 ? [...shown, `and ${more} more`] : shown };
}

/** Findings, and what to do about them. */
function textOf({ steps }: Outlook): (finding: OutlookFinding) => string {
  return ({ id, text }) => steps.find((step) => step.id === id)?.text ?? text;
}

/** `late (shop)`. */
function describeId(id: string): string {
  const [source, rule = '', ...about] = id.split('/');
  const words = rule.replaceAll('-', ' ');
  const of = source || about.join('/');
  return of ? `${words} (${of})` : words;
}

function describeRun({ name, lastRun }: OutlookSource): string {
  const code = lastRun?.code ? ` (${lastRun.code})` : '';
  return `The last backup of ${name} ${lastRun?.outcome ?? ''}${code}.`;
}

function factOf(source: OutlookSource, now: Date): Message['facts'][number] {
  const { name, level, backups, newestGood, verifiedAt, drilledAt } = source;
  const since = (at: string | null) => (at === null ? 'never' : age(new Date(at), now));
  const size = newestGood?.plainBytes == null ? '' : `, ${bytes(newestGood.plainBytes)}`;
  const value = [
    LEVEL_NAMES[level].toLowerCase(),
    newestGood ? `newest good backup ${since(newestGood.at)}${size}` : 'no good backup',
    `verified ${since(verifiedAt)}`,
    `drilled ${since(drilledAt)}`,
    plural(backups, 'backup'),
  ];
  return { name, value: value.join('; ') };
}

function minute(at: Date): string {
  return `${at.toISOString().slice(0, 16).replace('T', ' ')} UTC`;
}
