import { ERRORS, type ErrorCode, HoldfastError, hintOf } from '../shared/core/errors.ts';
import { nearest } from '../shared/core/nearest.ts';
import { VERSION } from '../shared/core/version.ts';
import { environmentIn } from '../shared/sources/registry.ts';
import { type Command, commandFirst, usage } from './command.ts';
import { COMMANDS } from './commands.ts';
import { COMPLETE } from './complete-word.ts';
import { withEnvFile } from './env-file.ts';
import { type Io, write } from './io.ts';

/** Runs one command line and gives its exit status. Prints errors; throws none. */
export async function main(argv: readonly string[], given: Partial<Io> = {}): Promise<number> {
  // Arguments may hold a connection string: `ps` is not to show it for longer than it must.
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
  // A reader of a pipe that has gone is told by the write; unheard, the stream's own event would end the process.
  for (const stream of [io.stdout, io.stderr])
    if (stream.listenerCount('error') === 0) stream.on('error', () => {});
  const onSignal = (name: NodeJS.Signals): void => {
    const status = name === 'SIGTERM' ? 143 : 130;
    if (stop.signal.aborted) process.exit(status);
    io.stderr.write('\nstopping; once more to stop at once\n');
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

${lines.join('')}  version        the release
  help           this text, or a command's

Begin: holdfast init -r ./backups --new-key ./holdfast.key
Then:  holdfast backup --source postgres://localhost/shop
       holdfast restore latest --to postgres://localhost/scratch
If something does not work: holdfast doctor

Settings come from holdfast.config.ts, then the environment, then options (docs/reference/configuration.md).
`;
}

/** What to do where the error itself does not say it. */
const HINTS: Partial<Record<ErrorCode, string>> = {
  E_DAMAGED:
    'Bring the object back from a copy or an older version of it; `holdfast verify --all` shows what else is damaged, `holdfast salvage` restores the rest.',
  E_RANGE:
    'Bring the object back from a copy or an older version of it; `holdfast verify --all` shows what else is damaged, `holdfast salvage` restores the rest.',
  E_SOURCE_FAILED: "The words are the server's own; its log may say more.",
};

/** Broken pipes are the reader's way to say that it has enough. */
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
    hint: 'This is a bug, or something nobody has met yet: run it with HOLDFAST_DEBUG=1 and report what it prints.',
  });
}

function describeCause(error: unknown): string {
  const lines: string[] = [];
  for (let at: unknown = error; at instanceof Error; at = at.cause) lines.push(at.stack ?? at.message);
  return lines.join('\ncaused by: ');
}
