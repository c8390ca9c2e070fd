import { randomBytes } from 'node:crypto';
import { once } from 'node:events';
import { userInfo } from 'node:os';
import path from 'node:path';
import { fileURLToPath } from 'node:url';
import { LINK_LIFE_MS, Sessions } from '../../shared/api/access/sessions.ts';
import { ConsoleFiles } from '../../shared/api/local/console-files.ts';
import { LocalServer } from '../../shared/api/local/local-server.ts';
import { openLocal } from '../../shared/api/local/open-local.ts';
import { AdminApiServer } from '../../shared/api/server/admin-api.ts';
import type { ResolvedConfig } from '../../shared/config/config.ts';
import { ROLES, type Role } from '../../shared/core/api-names.ts';
import { systemClock } from '../../shared/core/clock.ts';
import { MINUTE_MS } from '../../shared/core/units.ts';
import { openSource } from '../../shared/jobs/source/open-source.ts';
import { COMMON_HELP, type Command, parse, usage } from '../command.ts';
import { type Io, write } from '../io.ts';
import { optionHelp, URL_EXAMPLES } from '../kinds.ts';
import { drillServer, findPlace, loadConfig, repositoryConfig } from '../load-config.ts';

const DEFAULT_PORT = 4640;
const DEFAULT_SESSION_MINUTES = 12 * 60;
const MOST_SESSION_MINUTES = 7 * 24 * 60;
/**
 * The configured limits are for many callers from anywhere; here it is one person, with a page that refreshes
 * often.
 */
const LOCAL_LIMITS = { windowMs: MINUTE_MS, most: { read: 1200, poll: 1200, write: 120 } };
const LINK_IS_OVER = { used: 'Signed in.', expired: 'Somebody opened a link that had expired.' };
/** Where the console is, from the source tree and from the built package. */
const CONSOLE_FOLDERS = ['./console/', '../../dist/console/'];

const options = {
  port: { type: 'string', short: 'p' },
  role: { type: 'string', multiple: true },
  'session-minutes': { type: 'string' },
  source: { type: 'string', short: 's' },
  console: { type: 'string' },
} as const;

/** `holdfast serve`: the console and the admin API on this machine. */
export const serve: Command = {
  options,
  help: `Usage: holdfast serve [--port N] [--role ROLE]… [--session-minutes N] [--source SOURCE]

Serves the console and the admin API (docs/reference/api.md) to this machine only, and runs their jobs in this
process. Prints a link that works once and for ${LINK_LIFE_MS / MINUTE_MS} minutes, and signs in the browser that opens it, until it signs out. When a link is used or
has expired, the next one is printed. Restores go only to targets in the configuration, and only after you saw the plan.

  -p, --port N            default ${DEFAULT_PORT}; 0 picks any free port
      --role ROLE         viewer, operator (backs up, verifies, drills, holds), restorer (downloads, restores) or admin
                          (makes and revokes API keys); may be repeated; default all
      --session-minutes N how long a login lasts (default ${DEFAULT_SESSION_MINUTES})
${optionHelp('  -s, --source SOURCE', `a source besides those of the configuration: ${URL_EXAMPLES}, or env:NAME`)}
      --console FOLDER    a built console to serve instead of the package's own

${COMMON_HELP}
Examples:
  holdfast serve
  holdfast serve --role viewer --port 0

With --json one line: {"url", "link"}. Exit status: 0 stopped by SIGINT or SIGTERM; 10 no repository; 12 key.
`,

  async run(argv, io) {
    const { values } = parse(argv, options, 0);
    const port = whole(values.port, 'port', { fallback: DEFAULT_PORT, least: 0, most: 65_535 });
    const lifeMs =
      MINUTE_MS *
      whole(values['session-minutes'], 'session-minutes', {
        fallback: DEFAULT_SESSION_MINUTES,
        least: 1,
        most: MOST_SESSION_MINUTES,
      });
    const roles = rolesOf(values.role);
    const config = await loadConfig(values, io);
    await using opened = await openLocal({
      config,
      repository: await repositoryConfig(config, io),
      folder: io.cwd,
      env: io.env,
      drillServer: (kind) => drillServer(kind, undefined, config, io),
      sources: await extraSources(values.source, config, io),
      onWarning: (message) => void write(io.stderr, `warning: ${message}\n`).catch(() => {}),
      signal: io.signal,
    });
    const onError = (error: unknown) => void write(io.stderr, `error: ${describe(error)}\n`).catch(() => {});
    const sessions = new Sessions({
      roles,
      name: `${userInfo().username} (holdfast serve)`,
      lifeMs,
      clock: systemClock,
    });
    const api = new AdminApiServer({
      settings: { ...config.api, rateLimit: LOCAL_LIMITS },
      authenticator: sessions,
      backend: async () => opened.backend,
      secret: randomBytes(32),
      clock: systemClock,
      onError,
    });
    const built = await ConsoleFiles.open(
      values.console === undefined
        ? CONSOLE_FOLDERS.map((folder) => fileURLToPath(new URL(folder, import.meta.url)))
        : [path.resolve(io.cwd, values.console)],
    );
    const say = (text: string) => (values.quiet ? Promise.resolve() : write(io.stderr, text));
    await using server = await LocalServer.start({
      api,
      sessions,
      console: built,
      port,
      onLink: (why) => void say(`${LINK_IS_OVER[why]} The next link: ${link()}\n`).catch(() => {}),
      onError,
    });
    const link = () => `${server.origin}/#token=${sessions.newLink()}`;
    const first = link();
    await write(
      io.stdout,
      values.json
        ? `${JSON.stringify({ url: server.origin, link: first })}\n`
        : `Open ${first}\nThe link works once, for ${LINK_LIFE_MS / MINUTE_MS} minutes. Stop with Ctrl-C.\n`,
    );
    if (!built) await say('warning: the console is not built; only the API is served. Run: npm run build\n');
    if (!io.signal.aborted) await once(io.signal, 'abort');
    return 0;
  },
};

async function extraSources(text: string | undefined, config: ResolvedConfig, io: Io) {
  const given = text ?? config.defaultSource;
  if (given === undefined || config.sources.some(({ name }) => name === given)) return [];
  const place = findPlace(given, config, io);
  // Named by its location, as in its backups.
  return [{ name: (await openSource(place, io.env)).name, ...place }];
}

function rolesOf(given: readonly string[] | undefined): readonly Role[] {
  if (given === undefined) return ROLES;
  return given.map((text) => {
    const role = ROLES.find((known) => known === text);
    if (role) return role;
    throw usage(`--role is '${text}'; allowed are ${ROLES.join(', ')}`);
  });
}

function whole(
  text: string | undefined,
  name: string,
  { fallback, least, most }: { readonly fallback: number; readonly least: number; readonly most: number },
): number {
  if (text === undefined) return fallback;
  const value = Number(text);
  if (text !== '' && Number.isInteger(value) && value >= least && value <= most) return value;
  throw usage(`--${name} is '${text}'; allowed are ${least} to ${most}`);
}

function describe(error: unknown): string {
  return error instanceof Error ? error.message : String(error);
}
