/**
 * The message in what Step Functions gives as the cause of a failure: of a function JSON with `errorMessage`, of other
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
