import { ERRORS, type ErrorCode, HoldfastError, hintOf } from '../shared/core/errors.ts';
import { nearest } from '../shared/core/nearest.ts';
import { VERSION } from '../shared/core/version.ts';
import { type Command, commandFirst, usage } from './command.ts';
import { COMMANDS } from './commands.ts';
import { COMPLETE } from './complete-word.ts';
import { withEnvFile } from './env-file.ts';
import { type Io, write } from './io.ts';

/** Runs one command line and returns its exit status. Prints errors, and throws none. */
export async function main(argv: readonly string[], given: Partial<Io> = {}): Promise<number> {
  // Arguments may hold a connection string, so `ps` must show it as briefly as possible.
  process.title = 'holdfast';
  const stop = new AbortController();
  const io: Io = {
    stdin: process.stdin,
    stdout: process.stdout,
    stderr: process.stderr,
    env: process.env,
    cwd: process.cwd(),
    signal: stop.signal,
    ...given,
  };
  // The write reports a reader of a pipe that has gone; without a listener, the stream's own event would end
  // the process.
  for (const stream of [io.stdout, io.stderr])
    if (stream.listenerCount('error') === 0) stream.on('error', () => {});
  const onSignal = (name: NodeJS.Signals): void => {
    const status = name === 'SIGTERM' ? 143 : 130;
    if (stop.signal.aborted) process.exit(status);
    io.stderr.write('\nstopping; press Ctrl-C again to stop immediately\n');
    stop.abort();
  };
  process.on('SIGINT', onSignal).on('SIGTERM', onSignal);
  try {
    return await dispatch(argv, io);
  } catch (error) {
    return await report(error, argv, io);
  } finally {
    process.off('SIGINT', onSignal).off('SIGTERM', onSignal);
  }
}

async function dispatch(given: readonly string[], io: Io): Promise<number> {
  const [name, ...rest] = commandFirst(given);
  if (name === undefined || name === 'help' || name === '--help' || name === '-h') {
    const [of] = rest.filter((word) => !word.startsWith('-'));
    await write(io.stdout, of === undefined ? overview() : (await find(of)).help);
    return name === undefined ? 2 : 0;
  }
  if (name === 'version' || name === '--version' || name === '-V') {
    const document = { version: VERSION, node: process.versions.node };
    await write(
      io.stdout,
      rest.includes('--json') ? `${JSON.stringify(document)}\n` : `holdfast ${VERSION}\n`,
    );
    return 0;
  }
  if (name === COMPLETE) {
    const { complete } = await import('./complete.ts');
    return complete(rest.slice(rest[0] === '--' ? 1 : 0), io);
  }
  const command = await find(name);
  if (rest.includes('--help') || rest.includes('-h')) {
    await write(io.stdout, command.help);
    return 0;
  }
  const { env, ...world } = await withEnvFile(rest, io);
  // Not at the top: `help` and `version` need no kind of database.
  const { environmentIn } = await import('../shared/sources/registry.ts');
  return command.run(rest, { ...world, env: environmentIn(env, io.cwd) });
}

async function find(name: string): Promise<Command> {
  const command = Object.hasOwn(COMMANDS, name) ? COMMANDS[name] : undefined;
  if (command) return command.load();
  const meant = nearest(name, Object.keys(COMMANDS));
  throw usage(
    `there is no command '${name}'`,
    meant ? `Did you mean \`holdfast ${meant}\`?` : '`holdfast help` lists the commands.',
  );
}

function overview(): string {
  const lines = Object.entries(COMMANDS).map(([name, { summary }]) => `  ${name.padEnd(15)}${summary}\n`);
  return `holdfast ${VERSION}: database backups that prove they can restore

Usage: holdfast [options] COMMAND [options]

${lines.join('')}  version        print the version
  help           this text, or a command's help

Start: holdfast init -r ./backups --new-key ./holdfast.key
Then:  holdfast backup --source postgres://localhost/shop
       holdfast restore latest --to postgres://localhost/scratch
If something doesn't work: holdfast doctor

Settings come from holdfast.config.ts, then the environment, then options (docs/reference/configuration.md).
`;
}

/** What to do if the error itself has no hint. */
const HINTS: Partial<Record<ErrorCode, string>> = {
  E_DAMAGED:
    'Restore the object from a copy or an older version of it; `holdfast verify --all` shows what else is damaged, `holdfast salvage` restores the rest.',
  E_RANGE:
    'Restore the object from a copy or an older version of it; `holdfast verify --all` shows what else is damaged, `holdfast salvage` restores the rest.',
  E_SOURCE_FAILED: "These are the server's own words; its log may say more.",
};

/** A broken pipe means that the reader has enough. */
async function report(error: unknown, argv: readonly string[], io: Io): Promise<number> {
  if ((error as NodeJS.ErrnoException | undefined)?.code === 'EPIPE') return 0;
  const known =
    io.signal.aborted && !(error instanceof HoldfastError)
      ? new HoldfastError('E_ABORTED', 'stopped on request')
      : asKnown(error);
  const { exitStatus } = ERRORS[known.code];
  const own = known.hint ?? HINTS[known.code];
  const hint = argv.includes('doctor') ? own : hintOf(known.code, own);
  const text =
    known.code === 'E_DECLINED'
      ? `${known.message}\n`
      : `error: ${known.message}\n${hint ? `hint: ${hint}\n` : ''}code: ${known.code}\n`;
  if (argv.includes('--json')) {
    const { code, message, details } = known;
    const document = { error: { code, message, hint: hint ?? null, details, exitStatus } };
    await write(io.stdout, `${JSON.stringify(document)}\n`).catch(() => write(io.stderr, text));
  } else {
    await write(io.stderr, text);
  }
  if (io.env['HOLDFAST_DEBUG'] === '1') await write(io.stderr, `${describeCause(error)}\n`);
  return exitStatus;
}

function asKnown(error: unknown): HoldfastError {
  if (error instanceof HoldfastError) return error;
  const message = error instanceof Error ? error.message : String(error);
  return new HoldfastError('E_INTERNAL', message, {
    cause: error,
    hint: 'This is a bug, or an unknown failure: run it again with HOLDFAST_DEBUG=1 and report what it prints.',
  });
}

function describeCause(error: unknown): string {
  const lines: string[] = [];
  for (let at: unknown = error; at instanceof Error; at = at.cause) lines.push(at.stack ?? at.message);
  return lines.join('\ncaused by: ');
}
