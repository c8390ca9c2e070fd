import { readFileSync } from 'node:fs';
import { HoldfastError } from '../../../core/errors.ts';
import { accessToken, type Credentials, FetchedToken, idToken, NO_CREDENTIALS } from './credentials.ts';
import type { DatabaseUrl } from './database-url.ts';
import { FIREBASE_KEY_FILE } from './key-file.ts';
import { parseServiceAccount, type ServiceAccount, serviceAccountToken } from './service-account.ts';
import { type ExternalAccount, parseExternalAccount, workloadIdentityToken } from './workload-identity.ts';

/** Variables that logins are found by. */
export type Environment = Readonly<Record<string, string | undefined>>;
/** `options` of a source in the configuration. */
export type AdapterOptions = Readonly<Record<string, string | number | boolean>>;

/** How to log in. Secret. */
export type CredentialsChoice =
  | { readonly kind: 'none' }
  | { readonly kind: 'id-token' | 'access-token'; readonly value: string }
  | { readonly kind: 'service-account'; readonly account: ServiceAccount }
  | {
      readonly kind: 'workload-identity';
      readonly account: ExternalAccount;
      readonly region: string | undefined;
    };

/**
 * The first that there is: the URL's token, `serviceAccountFile`, FIREBASE_ACCESS_TOKEN, FIREBASE_ID_TOKEN,
 * FIREBASE_SERVICE_ACCOUNT, FIREBASE_CLIENT_EMAIL with FIREBASE_PRIVATE_KEY, GOOGLE_APPLICATION_CREDENTIALS,
 * HOLDFAST_FIREBASE_KEY_FILE. A local server is asked without, but for what is said of it.
 */
export function chooseCredentials(
  { token, isLocal }: DatabaseUrl,
  options: AdapterOptions,
  env: Environment,
  problems: string[],
): CredentialsChoice {
  const auth = options['auth'] ?? 'auto';
  if (auth !== 'auto' && auth !== 'none') problems.push(`auth is '${auth}'; allowed are auto and none`);
  if (auth === 'none') return { kind: 'none' };
  if (token) return { kind: token.kind === 'auth' ? 'id-token' : 'access-token', value: token.value };
  const file = options['serviceAccountFile'];
  if (file !== undefined) return fromJson(String(file), 'serviceAccountFile', options, env, problems);
  const { FIREBASE_ACCESS_TOKEN: access, FIREBASE_ID_TOKEN: id } = env;
  if (access) return { kind: 'access-token', value: access };
  if (id) return { kind: 'id-token', value: id };
  if (isLocal) return { kind: 'none' };
  const fromVariable = (name: string, what = name) => {
    const value = env[name];
    return value ? fromJson(value, what, options, env, problems) : undefined;
  };
  return (
    fromVariable('FIREBASE_SERVICE_ACCOUNT') ??
    fromParts(env, problems) ??
    fromVariable('GOOGLE_APPLICATION_CREDENTIALS') ??
    fromVariable('HOLDFAST_FIREBASE_KEY_FILE', FIREBASE_KEY_FILE) ?? { kind: 'none' }
  );
}

/** A service account in variables of its own, as programs with the Admin SDK have it. */
function fromParts(env: Environment, problems: string[]): CredentialsChoice | undefined {
  const { FIREBASE_CLIENT_EMAIL: email, FIREBASE_PRIVATE_KEY: key, FIREBASE_PROJECT_ID: project } = env;
  if (!email && !key) return undefined;
  if (!email || !key) {
    const [set, missing] = email
      ? ['FIREBASE_CLIENT_EMAIL', 'FIREBASE_PRIVATE_KEY']
      : ['FIREBASE_PRIVATE_KEY', 'FIREBASE_CLIENT_EMAIL'];
    problems.push(`${set} is set, and ${missing} is not: both together are a login`);
    return { kind: 'none' };
  }
  try {
    const account = parseServiceAccount(
      {
        type: 'service_account',
        client_email: email,
        private_key: unquoted(key),
        ...(project ? { project_id: project } : {}),
      },
      'what FIREBASE_CLIENT_EMAIL and FIREBASE_PRIVATE_KEY hold',
    );
    return { kind: 'service-account', account };
  } catch (error) {
    if (!(error instanceof HoldfastError)) throw error;
    problems.push(error.message);
    return { kind: 'none' };
  }
}

/** If a file of variables is read without a shell, its quotes stay. */
function unquoted(text: string): string {
  return /^\s*(["'])(.*)\1\s*$/s.exec(text)?.[2] ?? text;
}

/** The way to log in that was chosen. */
export function openCredentials(choice: CredentialsChoice, env: Environment): Credentials {
  switch (choice.kind) {
    case 'none':
      return NO_CREDENTIALS;
    case 'id-token':
      return idToken(choice.value);
    case 'access-token':
      return accessToken(choice.value);
    case 'service-account':
      return new FetchedToken((signal) => serviceAccountToken(choice.account, signal));
    case 'workload-identity':
      return new FetchedToken((signal) =>
        workloadIdentityToken(
          choice.account,
          { region: choice.region ?? '', credentials: () => awsCredentials(choice.region, env) },
          signal,
        ),
      );
  }
}

/** @param text JSON itself, or the name of its file */
function fromJson(
  text: string,
  what: string,
  options: AdapterOptions,
  env: Environment,
  problems: string[],
): CredentialsChoice {
  try {
    const json = readJson(text, what);
    const type = typeof json === 'object' && json !== null && 'type' in json ? json.type : undefined;
    if (type !== 'external_account')
      return { kind: 'service-account', account: parseServiceAccount(json, what) };
    const region = options['region'] ?? env['AWS_REGION'] ?? env['AWS_DEFAULT_REGION'];
    if (region === undefined) problems.push(`${what} needs a region: set region or AWS_REGION`);
    return {
      kind: 'workload-identity',
      account: parseExternalAccount(json, what),
      region: region === undefined ? undefined : String(region),
    };
  } catch (error) {
    if (!(error instanceof HoldfastError)) throw error;
    problems.push(error.message);
    return { kind: 'none' };
  }
}

function readJson(text: string, what: string): unknown {
  const isInline = text.trimStart().startsWith('{');
  let content = text;
  if (!isInline) {
    try {
      content = readFileSync(text, 'utf8');
    } catch (error) {
      // Not the name: a key that was pasted without its braces would be shown.
      const errno = (error as NodeJS.ErrnoException).code ?? '';
      throw new HoldfastError('E_CONFIG', `${what} names a file that cannot be read (${errno})`);
    }
  }
  try {
    return JSON.parse(content) as unknown;
  } catch {
    throw new HoldfastError('E_CONFIG', `${what} ${isInline ? 'holds' : 'names'} text that is not JSON`);
  }
}

/** The AWS way: environment, profile, role. */
async function awsCredentials(region: string | undefined, env: Environment) {
  const { AWS_ACCESS_KEY_ID: accessKeyId, AWS_SECRET_ACCESS_KEY: secretAccessKey } = env;
  if (accessKeyId && secretAccessKey)
    return { accessKeyId, secretAccessKey, sessionToken: env['AWS_SESSION_TOKEN'] };
  const { credentialsOfChain } = await import('./aws-chain.ts');
  try {
    return await credentialsOfChain(region);
  } catch (cause) {
    throw new HoldfastError('E_SOURCE_REFUSED', 'there are no AWS credentials to log in to Google with', {
      cause,
      hint: 'Run it where a role is, or set AWS_ACCESS_KEY_ID and AWS_SECRET_ACCESS_KEY.',
    });
  }
}
