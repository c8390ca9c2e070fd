import { userInfo } from 'node:os';
import { keysOfRepository } from '../../shared/api/access/api-key-store.ts';
import { ApiKeys } from '../../shared/api/access/api-keys.ts';
import {
  type ApiKey,
  ApiKeyId,
  ApiKeyName,
  type ApiKeysAnswer,
  type CreatedApiKey,
} from '../../shared/api/schema/api-keys.ts';
import { unknownName } from '../../shared/api/server/unknown-name.ts';
import { DEFAULT_KEY_DAYS, KEY_ROLES, type KeyRole, ROLES } from '../../shared/core/api-names.ts';
import { listBackups } from '../../shared/jobs/status/list.ts';
import { COMMON_HELP, type Command, parse, usage } from '../command.ts';
import { age, time } from '../format.ts';
import { write } from '../io.ts';
import { CommandSession } from '../session.ts';
import { type Screen, type Styled, styled, type TextStyle } from '../style.ts';
import { renderTable } from '../table.ts';

const options = {
  name: { type: 'string' },
  role: { type: 'string', multiple: true },
  source: { type: 'string', short: 's', multiple: true },
  expires: { type: 'string' },
} as const;

const NEVER = 'never';
const MOST_DAYS = 3650;

/** `holdfast api-keys`: keys of the admin API for machines. */
export const apiKeys: Command = {
  options,
  help: `Usage: holdfast api-keys
       holdfast api-keys create --name NAME --role ROLE… [--source SOURCE]… [--expires 90d]
       holdfast api-keys revoke ID

Lists, makes or revokes API keys for machines. A key gives access to the admin API
(docs/reference/api.md). It is shown once; the repository keeps only its hash. It works for every process and deployment on this repository.

      --name NAME         what it is for, such as ci; shown in the audit trail
      --role ROLE         viewer, operator (backs up, verifies, drills, holds) or restorer (downloads, restores); may be
                          repeated
  -s, --source SOURCE     may see and use only this source; may be repeated; default all. Such a key can restore only into
                          new databases
      --expires DAYS      such as 30d, or never (default ${DEFAULT_KEY_DAYS}d)

${COMMON_HELP}
Examples:
  holdfast api-keys
  holdfast api-keys create --name ci --role operator --source shop --expires 30d
  holdfast api-keys revoke 1a2b3c4d

Exit status: 0 done; 2 usage; 10 no such key or source, no repository; 12 encryption key.
`,

  async run(argv, io) {
    const { values, positionals } = parse(argv, options, 2);
    const [word, id] = positionals;
    if (word !== undefined && word !== 'create' && word !== 'revoke')
      throw usage(`api-keys has no action '${word}'`, 'Give create, revoke, or nothing.');
    if (word !== 'revoke' && id !== undefined) throw usage(`'${id}' is one argument too many`);
    const { name, role, source, expires, ...common } = values;
    const given = Object.entries({ name, role, source, expires }).find(([, value]) => value !== undefined);
    if (word !== 'create' && given) throw usage(`--${given[0]} needs create`);
    const asked = word === 'create' ? wanted({ name, role, source, expires }) : undefined;
    const revoked = word === 'revoke' ? idOf(id) : undefined;
    await using session = await CommandSession.open(common, io);
    const { repository, screen } = session;
    const store = async () => keysOfRepository(repository);
    // It does not authenticate here, so it records no use.
    const keys = new ApiKeys({ store, clock: repository.clock, onError: () => {} });
    const caller = { id: 'cli', name: `${userInfo().username} (command line)`, roles: ROLES };
    const { signal } = io;
    if (asked) {
      await refuseUnknown(session, asked.sources ?? []);
      const made = await keys.create(asked, { caller, signal });
      await session.print(made, describeMade(made));
      if (!session.isJson) await write(io.stderr, 'It is not shown again.\n');
    } else if (revoked !== undefined) {
      const key = await keys.revoke(revoked, { caller, signal });
      await session.report({ key }, describeRevoked(key));
    } else {
      const found = await keys.list(signal);
      await session.print(found, describe(found, repository.clock.now(), screen));
    }
    return 0;
  },
};

function wanted({
  name,
  role = [],
  source,
  expires = `${DEFAULT_KEY_DAYS}d`,
}: {
  readonly name: string | undefined;
  readonly role: readonly string[] | undefined;
  readonly source: readonly string[] | undefined;
  readonly expires: string | undefined;
}) {
  if (name === undefined) throw usage('--name is missing', 'Say what the key is for: --name ci.');
  const named = ApiKeyName.safeParse(name);
  if (!named.success) throw usage('--name must be one line of 1 to 60 characters');
  if (role.length === 0) throw usage('--role is missing', `Give one or more of ${KEY_ROLES.join(', ')}.`);
  return {
    name: named.data,
    roles: role.map(roleOf),
    ...(source === undefined ? {} : { sources: [...source] }),
    expiresInDays: daysOf(expires),
  };
}

function roleOf(text: string): KeyRole {
  const role = KEY_ROLES.find((known) => known === text);
  if (role) return role;
  const more = text === 'admin' ? 'no API key can make others; ' : '';
  throw usage(`--role is '${text}'; ${more}allowed are ${KEY_ROLES.join(', ')}`);
}

function daysOf(text: string): number | null {
  if (text === NEVER) return null;
  const days = Number(/^(\d{1,4})d$/.exec(text)?.[1]);
  if (days >= 1 && days <= MOST_DAYS) return days;
  throw usage(`--expires is '${text}'; allowed are 1d to ${MOST_DAYS}d, or ${NEVER}`);
}

function idOf(text: string | undefined): string {
  if (text !== undefined && ApiKeyId.safeParse(text).success) return text;
  throw usage(
    text === undefined
      ? 'the ID of the key is missing'
      : `'${text}' is not the id of an API key, which has 8 hex digits`,
    'List them with: holdfast api-keys',
  );
}

/** @throws E_UNKNOWN_NAME unless the source is configured, or has backups */
async function refuseUnknown({ config, repository, naming, io }: CommandSession, sources: readonly string[]) {
  const configured = config.sources.map(({ name }) => name);
  if (sources.every((name) => configured.includes(name))) return;
  const backups = await listBackups(repository, { naming, signal: io.signal });
  const known = [...configured, ...backups.map(({ source }) => source.name)];
  for (const name of sources) if (!known.includes(name)) throw unknownName('source', name, known);
}

function describeMade({ key, token }: CreatedApiKey): string {
  const of = key.sources === null ? 'all sources' : key.sources.join(', ');
  const until =
    key.expiresAt === null ? 'It does not expire.' : `It expires ${time(new Date(key.expiresAt))}.`;
  return `${token}
API key ${key.name} (${key.id}): ${key.roles.join(', ')} of ${of}. ${until}
`;
}

function describeRevoked({ id, name }: ApiKey): string {
  return `Revoked: ${name} (${id}). It no longer works; running servers learn of it within 30 seconds.\n`;
}

function describe({ keys, problems }: ApiKeysAnswer, now: Date, screen: Screen): string | Styled {
  const warnings = problems.map((problem) => `warning: not counted: ${problem}\n`).join('');
  if (keys.length === 0)
    return `There are no API keys. Make one with: holdfast api-keys create --name ci --role viewer\n${warnings}`;
  const rows = keys.map((key) => [
    key.id,
    key.name,
    key.state,
    key.roles.join(', '),
    key.sources?.join(', ') ?? 'all',
    key.lastUsedOn ?? 'never',
    key.expiresAt === null ? NEVER : key.expiresAt.slice(0, 10),
    `${age(new Date(key.createdAt), now)}${key.createdBy === null ? '' : `, ${key.createdBy}`}`,
  ]);
  const columns = [
    { title: 'ID' },
    { title: 'NAME', least: 8 },
    { title: 'STATE', look: lookOf },
    { title: 'ROLES', least: 8 },
    { title: 'SOURCES', least: 8 },
    { title: 'LAST USED' },
    { title: 'EXPIRES', leaveOut: 1 },
    { title: 'MADE', least: 6, leaveOut: 2 },
  ];
  return styled`${renderTable(columns, rows, screen)}${warnings}`;
}

function lookOf(cell: string): TextStyle | undefined {
  return cell === 'active' ? 'green' : cell === 'expired' ? 'yellow' : 'dim';
}
