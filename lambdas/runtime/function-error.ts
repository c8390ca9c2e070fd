import { ERRORS, type ErrorCode, HoldfastError, hintOf, isHoldfastError } from '../../shared/core/errors.ts';
import { redact } from './redact.ts';

/**
 * A function's failure. Lambda gives `name` to Step Functions as the error's name, so that Retry and Catch go
 * by the codes of docs/reference/errors.md. Contains no secret, and no stack of its cause.
 */
export class FunctionError extends Error {
  override readonly name: ErrorCode;
  readonly retryable: boolean;

  constructor(code: ErrorCode, message: string) {
    super(message);
    this.name = code;
    this.retryable = ERRORS[code].retryable;
    this.stack = `${code}: ${message}`;
  }
}

/** @param signal whose reason says why work was stopped */
export function toFunctionError(error: unknown, signal?: AbortSignal): FunctionError {
  if (error instanceof FunctionError) return error;
  const known = knownOf(error, signal);
  const advice = hintOf(known.code, known.hint, 'deployed');
  const hint = advice === undefined ? '' : ` (${advice})`;
  return new FunctionError(known.code, redact(known.message + hint));
}

function knownOf(error: unknown, signal: AbortSignal | undefined): HoldfastError {
  const reason: unknown = signal?.aborted ? signal.reason : undefined;
  if (isHoldfastError(reason) && mayComeOfStopping(error)) return reason;
  if (isHoldfastError(error)) return error;
  if (error instanceof Error && error.name === 'ParseError')
    return new HoldfastError('E_USAGE', `the event is wrong: ${problemsOf(error)}`, {
      hint: 'docs/reference/functions.md says what each function takes.',
    });
  const message = error instanceof Error ? `${error.name}: ${error.message}` : String(error);
  return new HoldfastError('E_INTERNAL', message);
}

/** Work in progress when it was stopped may fail as if the other side had gone. */
function mayComeOfStopping(error: unknown): boolean {
  // The SDK uses both names.
  if (error instanceof Error && /^(AbortError|TimeoutError)$/.test(error.name)) return true;
  return isHoldfastError(error) && (error.code === 'E_ABORTED' || ERRORS[error.code].retryable);
}

interface Issue {
  readonly path?: readonly PropertyKey[];
  readonly message: string;
  /** Issues of each form that the event may have. */
  readonly errors?: readonly (readonly Issue[])[];
}

function problemsOf({ message, cause }: Error): string {
  if (!Array.isArray(cause)) return message;
  return (cause as readonly Issue[]).flatMap(describe).join('; ');
}

/** What is wrong with an event; if it may have several forms, for the nearest one. */
function describe({ path = [], message, errors = [] }: Issue): string[] {
  const [nearest] = errors.toSorted((a, b) => a.length - b.length);
  if (nearest && nearest.length > 0) return nearest.flatMap(describe);
  return [`${path.join('.') || 'the whole event'}: ${message}`];
}
