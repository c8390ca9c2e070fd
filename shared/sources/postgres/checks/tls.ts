import { once } from 'node:events';
import { isIP, type Socket } from 'node:net';
import {
  type ConnectionOptions,
  connect as connectTls,
  type PeerCertificate,
  type TLSSocket,
} from 'node:tls';
import { abortedError } from '../../../core/abort.ts';
import { systemClock } from '../../../core/clock.ts';
import { DAY_MS } from '../../../core/units.ts';
import { isLocal } from '../../server-options.ts';
import { type CheckResult, differs, holds } from '../../source-checks.ts';
import type { PostgresOptions } from '../connection/options.ts';
import { tlsAttempts } from '../connection/tls.ts';

/** A certificate that ends sooner is told of. */
const SOON_DAYS = 30;
/** SSLRequest, section 54.2.10 "SSL Session Encryption" of the manual. */
const SSL_REQUEST = Buffer.from([0, 0, 0, 8, 4, 210, 22, 47]);
const WILLING = 'S';
const CHECKED = ['verify-ca', 'verify-full'];

/** What of a server's certificate is wrong, by OpenSSL's and Node's names for it. */
const PROBLEMS: Readonly<
  Record<string, (certificate: PeerCertificate) => Pick<CheckResult, 'seen' | 'fix'>>
> = {
  CERT_HAS_EXPIRED: ({ valid_to: end }) => ({
    seen: `the server's certificate has expired (${end})`,
    fix: 'Renew the certificate of the server.',
  }),
  CERT_NOT_YET_VALID: ({ valid_from: begin }) => ({
    seen: `the server's certificate is not valid before ${begin}`,
    fix: 'Set the clock of this machine, or renew the certificate of the server.',
  }),
  ERR_TLS_CERT_ALTNAME_INVALID: (certificate) => ({
    seen: `the server's certificate is for another name: ${namesOf(certificate)}`,
    fix: 'Use a host name that is in the certificate, or have one made with the name in use.',
  }),
};

/**
 * Shakes hands with the server whatever its certificate, and judges that as the settings of the connection do.
 *
 * @throws E_CONFIG, E_SOURCE_UNTRUSTED
 */
export async function judgeTls(
  options: PostgresOptions,
  openSocket: (signal: AbortSignal) => Promise<Socket>,
  signal: AbortSignal,
): Promise<CheckResult> {
  const { host, tls } = options;
  const attempts = await tlsAttempts(tls, host);
  const settings = attempts.find((attempt) => attempt !== false);
  const socket = await openSocket(signal);
  const stop = () => socket.destroy(abortedError(signal));
  signal.addEventListener('abort', stop, { once: true });
  try {
    socket.write(SSL_REQUEST);
    const [answer] = (await once(socket, 'data')) as [Buffer];
    if (answer.toString('latin1', 0, 1) !== WILLING) return notOffered(options, !attempts.includes(false));
    if (!settings) return notEncrypted(host);
    const secured = await shakeHands(socket, settings, host);
    const isChecked = settings.rejectUnauthorized !== false;
    const finding = isChecked ? judgeCertificate(secured) : notChecked(host);
    secured.destroy();
    return finding;
  } finally {
    signal.removeEventListener('abort', stop);
    socket.destroy();
  }
}

/** As the driver does it, but that nothing is refused. */
async function shakeHands(socket: Socket, settings: ConnectionOptions, host: string): Promise<TLSSocket> {
  const name = isIP(host) === 0 ? { servername: host } : {};
  const secured = connectTls({ ...settings, ...name, socket, rejectUnauthorized: false });
  await once(secured, 'secureConnect');
  return secured;
}

function judgeCertificate(secured: TLSSocket): CheckResult {
  const certificate = secured.getPeerCertificate();
  const { authorized, authorizationError } = secured;
  const issuer = nameOf(certificate.issuer);
  if (authorized) return judgeAge(certificate, issuer);
  const name = errorName(authorizationError);
  const { seen, fix } = PROBLEMS[name]?.(certificate) ?? {
    seen: `nobody vouches here for the authority that signed the server's certificate: ${issuer} (${name})`,
    fix: "Give that authority's certificates as sslrootcert (option caFile), if it is yours.",
  };
  return differs(seen, { fix, code: 'E_SOURCE_UNTRUSTED' });
}

function judgeAge({ valid_to: end }: PeerCertificate, issuer: string): CheckResult {
  const days = Math.floor((Date.parse(end) - systemClock.now().getTime()) / DAY_MS);
  const until = new Date(end).toISOString().slice(0, 10);
  if (days >= SOON_DAYS) return holds(`certificate by ${issuer}, good until ${until}`);
  return differs(`the server's certificate ends on ${until}`, {
    isMinor: true,
    code: 'E_SOURCE_UNTRUSTED',
    fix: 'Renew it before then: backups fail from that day on.',
  });
}

function notOffered({ host, tls: { mode } }: PostgresOptions, isNeeded: boolean): CheckResult {
  if (!isNeeded) return notEncrypted(host);
  return differs(`the server offers no TLS, and sslmode is ${mode}`, {
    code: 'E_SOURCE_UNTRUSTED',
    fix: 'Turn TLS on at the server (ssl = on); in a network that nobody else reaches, sslmode=disable goes without.',
  });
}

function notEncrypted(host: string): CheckResult {
  return isLocal(host)
    ? holds('not encrypted, within this machine')
    : unproven('the connection is not encrypted');
}

function notChecked(host: string): CheckResult {
  return isLocal(host)
    ? holds('encrypted, within this machine')
    : unproven('encrypted, and the certificate is not checked');
}

function unproven(seen: string): CheckResult {
  const fix = `Set sslmode=${CHECKED[1]}; ${CHECKED[0]} if the name cannot be in the certificate.`;
  return differs(seen, { fix, isMinor: true, code: 'E_SOURCE_UNTRUSTED' });
}

/** Typed as an error, and a text by documentation and in fact. */
function errorName(error: unknown): string {
  return error instanceof Error && 'code' in error ? String(error.code) : String(error);
}

function nameOf(holder: PeerCertificate['issuer'] | undefined): string {
  return [holder?.CN, holder?.O].flat().find((name) => name !== undefined) ?? 'an authority without a name';
}

function namesOf({ subjectaltname, subject }: PeerCertificate): string {
  return subjectaltname ?? nameOf(subject);
}
