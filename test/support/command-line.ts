import { PassThrough } from 'node:stream';
import { main } from '../../cli/main.ts';
import { ERRORS, type ErrorCode } from '../../shared/core/errors.ts';
import { WorkerPool } from '../../shared/repository/codec/worker-pool.ts';
import { expectDocumentedOutput } from './documented-json.ts';

export interface CommandWorld {
  readonly env: Readonly<Record<string, string>>;
  readonly cwd: string;
  readonly signal?: AbortSignal;
  /** Width of what is written to. @default none */
  readonly columns?: number;
}

export interface CommandResult {
  readonly status: number;
  readonly stdout: string;
  readonly stderr: string;
  json(): ReturnType<typeof JSON.parse>;
}

/** Starting some for each command would take most of its time; programs in processes of their own start theirs. */
const THREADS = new WorkerPool(2);

/** Runs a command line, as from a pipe. Arguments are separated by spaces. */
export function runCommand(line: string, world: CommandWorld): Promise<CommandResult> {
  return runArguments(line.split(' ').filter(Boolean), world);
}

/** The same of arguments that may be empty. */
export async function runArguments(
  argv: readonly string[],
  { env, cwd, signal, columns }: CommandWorld,
): Promise<CommandResult> {
  const out = { stdout: new PassThrough(), stderr: new PassThrough() };
  const text = { stdout: '', stderr: '' };
  for (const name of ['stdout', 'stderr'] as const)
    out[name].on('data', (bytes: Buffer) => {
      text[name] += bytes.toString();
    });
  const stdout = columns === undefined ? out.stdout : Object.assign(out.stdout, { columns });
  const status = await main(argv, {
    stdin: new PassThrough(),
    ...out,
    stdout,
    env,
    cwd,
    signal: signal ?? new AbortController().signal,
    threads: THREADS,
  });
  expectDocumentedOutput(argv, text.stdout);
  return { status, ...text, json: () => JSON.parse(text.stdout) };
}

/** A failure as it is documented: its code, the exit status of the code, and a hint of what to do. */
export function failure(code: ErrorCode, message: string | RegExp) {
  return {
    status: ERRORS[code].exitStatus,
    stdout: '',
    stderr: expectText(code, message),
  };
}

function expectText(code: ErrorCode, message: string | RegExp) {
  const text =
    typeof message === 'string' ? message.replaceAll(/[.*+?^${}()|[\]\\]/g, '\\$&') : message.source;
  return {
    asymmetricMatch: (actual: string) =>
      new RegExp(`error: .*${text}[^]*\nhint: .+\ncode: ${code}\n$`, 's').test(actual),
    toString: () => `${code}: ${text}`,
  };
}
