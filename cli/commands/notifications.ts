import { ERRORS, HoldfastError } from '../../shared/core/errors.ts';
import {
  type ChannelStanding,
  destinationOf,
  readChannels,
  type ShownDelivery,
} from '../../shared/jobs/notify/deliveries.ts';
import { channelNamed, type Sent } from '../../shared/jobs/notify/notifier.ts';
import { COMMON_HELP, type Command, parse, usage } from '../command.ts';
import { age, plural } from '../format.ts';
import { notifiersOf, notifyNow } from '../notify.ts';
import { CommandSession } from '../session.ts';
import type { Styled, TextStyle } from '../style.ts';
import { styled } from '../style.ts';
import { renderTable } from '../table.ts';

/** `holdfast notifications`: lists channels, and tries one. */
export const notifications: Command = {
  options: {},
  help: `Usage: holdfast notifications [list]
       holdfast notifications test [CHANNEL]
       holdfast notifications check

Channels in the configuration (notifications.channels, docs/reference/notifications.md), and what they were
last sent. An alarm is sent when the findings change, and not again until they do; a digest comes daily or weekly.

  list        each channel with its last delivery and its last failure (default)
  test        sends one test to a channel, or to all, and shows the responses
  check       sends what has changed; backup, verify, drill and restore do so when they end. For cron, if
              nothing else would notice a backup that never began

A channel's destination is shown as configured: the name of a variable or of a secret, never its value.

${COMMON_HELP}
Examples:
  holdfast notifications
  holdfast notifications test ops
  0 * * * *  holdfast notifications check --quiet

Exit status: 0 listed, or everything was sent; 75 a channel could not be reached; 10 no repository, or no such channel.
`,

  async run(argv, io) {
    const { values, positionals } = parse(argv, {}, 2);
    const [action = 'list', name] = positionals;
    if (name !== undefined && action !== 'test') throw usage(`'${name}' is one argument too many`);
    if (!['list', 'test', 'check'].includes(action))
      throw usage(`notifications has no action '${action}'`, 'Give list, test or check.');
    await using session = await CommandSession.open(values, io);
    if (action === 'list') return list(session);
    const sent = action === 'test' ? await test(session, name) : await notifyNow(session);
    const failed = sent.filter(({ outcome }) => outcome === 'failed');
    await session.report({ sent }, describeSent(sent), failed.length);
    return failed.length > 0 ? ERRORS.E_NOTIFY.exitStatus : 0;
  },
};

async function list(session: CommandSession): Promise<number> {
  const { config, repository, io } = session;
  const channels = await readChannels(repository, config.channels, io.signal);
  const document = channels.map(({ channel, ...told }) => ({
    name: channel.name,
    kind: channel.kind,
    destination: destinationOf(channel),
    on: channel.on,
    digest: channel.digest,
    sources: channel.sources ?? null,
    lastDelivered: told.lastDelivered ?? null,
    lastFailed: told.lastFailed ?? null,
    deliveries: told.deliveries,
  }));
  await session.print({ channels: document }, describe(channels, session));
  return 0;
}

/** @throws E_UNKNOWN_NAME */
async function test(session: CommandSession, name: string | undefined): Promise<readonly Sent[]> {
  const { config, repository, io } = session;
  const { channels } = config;
  if (channels.length === 0) throw new HoldfastError('E_CONFIG', NONE, { hint: HOW });
  const chosen = name === undefined ? channels : [channelNamed(channels, name)];
  const { all } = notifiersOf(session, { isQuiet: true });
  return Promise.all(chosen.map((channel) => all.test(repository, channel.name, io.signal)));
}

const NONE = 'no channel is configured';
const HOW = 'Configure notifications.channels (docs/reference/notifications.md).';

function describeSent(sent: readonly Sent[]): string {
  if (sent.length === 0) return 'Nothing to send.\n';
  return sent
    .map(({ channel, title, outcome, attempts, status, answer, problem }) => {
      const tried = attempts > 1 ? ` after ${plural(attempts, 'try').replace('trys', 'tries')}` : '';
      const said = status === null ? '' : ` (${status}${answer === null ? '' : `: ${answer}`})`;
      return outcome === 'delivered'
        ? `${channel}: delivered${tried}${said}: ${title}\n`
        : `${channel}: FAILED${tried}: ${problem}\n`;
    })
    .join('');
}

function describe(
  channels: readonly ChannelStanding[],
  { repository, screen }: CommandSession,
): string | Styled {
  if (channels.length === 0) return `No channel is configured. ${HOW}\n`;
  const now = repository.clock.now();
  const last = (delivery: ShownDelivery | undefined) =>
    delivery ? `${age(new Date(delivery.at), now)}: ${delivery.title}` : '-';
  const rows = channels.map(({ channel, lastDelivered, lastFailed }) => [
    channel.name,
    channel.kind,
    channel.on,
    channel.digest,
    last(lastDelivered),
    lastFailed ? age(new Date(lastFailed.at), now) : '-',
    destinationOf(channel),
  ]);
  const failures = channels.flatMap(({ channel, deliveries: [newest] }) =>
    newest?.outcome === 'failed' ? [`${channel.name}: ${newest.problem ?? ''}\n`] : [],
  );
  const failing = failures.length > 0 ? `\nCould not be reached the last time:\n${failures.join('')}` : '';
  return styled`${renderTable(COLUMNS, rows, screen)}${failing}`;
}

const isFailing = (cell: string): TextStyle | undefined => (cell === '-' ? undefined : 'yellow');

const COLUMNS = [
  { title: 'CHANNEL' },
  { title: 'KIND' },
  { title: 'ON', leaveOut: 2 },
  { title: 'DIGEST', leaveOut: 3 },
  { title: 'LAST DELIVERED', least: 14 },
  { title: 'LAST FAILED', look: isFailing },
  { title: 'LEADS TO', leaveOut: 4 },
];
