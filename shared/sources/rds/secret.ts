import type { SecretText } from '../plugin.ts';

/** The JSON that RDS writes. */
interface RdsSecret {
  readonly engine?: string;
  readonly host?: string;
  readonly port?: number | string;
  readonly username?: string;
  readonly password?: string;
  readonly dbname?: string;
}

/** What a kind of database is called in it, and what it means if it says nothing. */
export interface RdsKind {
  readonly scheme: string;
  readonly engines: RegExp;
  readonly engine: string;
  readonly port: number;
  readonly database: string;
}

/** A whole URL, or one of the login that RDS writes. @throws what `secret.bad` gives; no value of the secret is in the message */
export function urlOfSecret(secret: SecretText, kind: RdsKind): string {
  return secret.text.startsWith('{') ? urlOfLogin(secret, kind) : wholeUrl(secret);
}

/** The secret itself. @throws if the configuration says another place than the secret */
export function wholeUrl({ text, host, port, database, bad }: SecretText): string {
  if ((host ?? port ?? database) === undefined) return text;
  throw bad('it is a whole URL, and the configuration has host, port or database beside it');
}

/** What the configuration says goes before the secret. */
function urlOfLogin({ text, bad, ...given }: SecretText, kind: RdsKind): string {
  let secret: RdsSecret;
  try {
    secret = JSON.parse(text) as RdsSecret;
  } catch {
    throw bad('it is neither a URL nor JSON');
  }
  const { engine = kind.engine, username, password } = secret;
  const { host = secret.host, port = secret.port ?? kind.port } = given;
  const { database = secret.dbname ?? kind.database } = given;
  if (!kind.engines.test(engine)) throw bad(`its engine is '${engine}', expected ${kind.engine}`);
  const missing = Object.entries({ host, username, password }).flatMap(([name, value]) =>
    typeof value === 'string' && value !== '' ? [] : [name],
  );
  if (missing.length > 0) throw bad(`it has no ${missing.join(', no ')}`);
  const login = [username, password].map((part) => encodeURIComponent(String(part))).join(':');
  return `${kind.scheme}://${login}@${host}:${port}/${encodeURIComponent(database)}`;
}
