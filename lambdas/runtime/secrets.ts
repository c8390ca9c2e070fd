import { HoldfastError } from '../../shared/core/errors.ts';
import { MINUTE_MS } from '../../shared/core/units.ts';
import { keepSecret } from './redact.ts';

const SECRET = /^arn:[a-z-]+:secretsmanager:([a-z0-9-]+):\d{12}:secret:.+$/;
const PARAMETER = /^arn:[a-z-]+:ssm:([a-z0-9-]+):\d{12}:parameter(\/.+)$/;
/** A rotated secret is read again within this time. */
const CACHED_MS = 5 * MINUTE_MS;

const cache = new Map<string, { readonly text: Promise<string>; readonly until: number }>();

/**
 * The value of a secret in Secrets Manager or of a parameter in Systems Manager, by ARN; kept in memory for
 * five minutes. It appears in no log and no error.
 *
 * @throws E_CONFIG for another ARN, E_SOURCE_REFUSED if it does not exist or must not be read,
 * E_SOURCE_UNREACHABLE
 */
export function readSecret(arn: string, signal: AbortSignal): Promise<string> {
  const known = cache.get(arn);
  if (known && known.until > performance.now()) return known.text;
  const text = fetchSecret(arn, signal);
  cache.set(arn, { text, until: performance.now() + CACHED_MS });
  text.catch(() => cache.delete(arn));
  return text;
}

async function fetchSecret(arn: string, signal: AbortSignal): Promise<string> {
  const text = await ask(arn, signal);
  for (const part of partsOf(text)) keepSecret(part);
  return text;
}

async function ask(arn: string, signal: AbortSignal): Promise<string> {
  try {
    const value = await fetchValue(arn, signal);
    if (value !== undefined) return value;
  } catch (error) {
    throw error instanceof HoldfastError ? error : asKnown(error, arn);
  }
  throw new HoldfastError('E_SOURCE_REFUSED', `${arn} holds no text`, {
    hint: 'Store the connection URL, or the JSON that RDS writes, as text.',
  });
}

async function fetchValue(arn: string, signal: AbortSignal): Promise<string | undefined> {
  const [, secretRegion] = SECRET.exec(arn) ?? [];
  const [, parameterRegion, name] = PARAMETER.exec(arn) ?? [];
  // Loaded only when it is used.
  const { secretValue, parameterValue } = await import('./secret-values.ts');
  if (secretRegion !== undefined) return secretValue(arn, secretRegion, signal);
  if (parameterRegion !== undefined && name !== undefined)
    return parameterValue(name, parameterRegion, signal);
  throw new HoldfastError('E_CONFIG', `'${arn}' is not the ARN of a secret`, {
    hint: 'Give the ARN of a secret in Secrets Manager, or of a parameter of type SecureString.',
  });
}

const REFUSED = [
  'AccessDeniedException',
  'ResourceNotFoundException',
  'ParameterNotFound',
  'DecryptionFailure',
];

function asKnown(cause: unknown, arn: string): HoldfastError {
  const name = cause instanceof Error ? cause.name : '';
  if (REFUSED.includes(name))
    return new HoldfastError('E_SOURCE_REFUSED', `the secret ${arn} cannot be read (${name})`, {
      cause,
      hint: "Check that it exists, and that the function's role may read it and use its KMS key.",
    });
  return new HoldfastError('E_SOURCE_UNREACHABLE', `the secret ${arn} could not be fetched (${name})`, {
    cause,
    hint: "Check that the function's subnets reach Secrets Manager or Systems Manager.",
  });
}

/** The whole text, and its parts that are secret by themselves. */
function partsOf(text: string): string[] {
  const parts = [text];
  if (URL.canParse(text)) {
    const { password } = new URL(text);
    if (password !== '') parts.push(password, decodeURIComponent(password));
  }
  try {
    const { password, private_key: key, secret } = JSON.parse(text) as Readonly<Record<string, unknown>>;
    for (const part of [password, key, secret]) if (typeof part === 'string') parts.push(part);
  } catch {
    // It is not JSON.
  }
  return parts;
}
