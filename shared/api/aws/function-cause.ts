/**
 * The message in Step Functions' cause of a failure: for a function, JSON with `errorMessage`; for other
 * services whatever they say.
 */
export function messageOfCause(cause: string): string {
  try {
    const parsed: unknown = JSON.parse(cause);
    const message = (parsed as { readonly errorMessage?: unknown } | null)?.errorMessage;
    return typeof message === 'string' ? message : cause;
  } catch {
    return cause;
  }
}
