/** AlgorithmIdentifier of SHA-256, with NULL parameters. */
const SHA256 = Buffer.from('300d06096086480165030402010500', 'hex');
const SEQUENCE = 0x30;
const INTEGER = 0x02;
const OCTETS = 0x04;
/** PKIStatus: granted, and granted with changes. */
const GRANTED: readonly number[] = [0, 1];

/**
 * A TimeStampReq of RFC 3161 in DER: asks for a time stamp of a SHA-256, with the certificate that signs it.
 *
 * @param nonce 8 random bytes
 */
export function timeStampRequest(sha256: Uint8Array, nonce: Uint8Array): Buffer {
  const imprint = der(SEQUENCE, SHA256, imprintOf(sha256));
  const version = der(INTEGER, Buffer.from([1]));
  return der(SEQUENCE, version, imprint, nonceOf(nonce), Buffer.from([0x01, 0x01, 0xff]));
}

/** Why a TimeStampResp does not answer the request; undefined if it does. Others must check its signature. */
export function timeStampProblem(
  response: Uint8Array,
  { sha256, nonce }: { readonly sha256: Uint8Array; readonly nonce: Uint8Array },
): string | undefined {
  const bytes = Buffer.from(response);
  const status = statusOf(bytes);
  if (status === undefined) return 'is not an RFC 3161 response';
  if (!GRANTED.includes(status)) return `refuses, with the status ${status}`;
  if (!bytes.includes(imprintOf(sha256))) return 'is about something else';
  return bytes.includes(nonceOf(nonce)) ? undefined : 'is an answer to another request';
}

/** The first number of the first sequence in the outermost one. */
function statusOf(bytes: Buffer): number | undefined {
  const info = inside(bytes, 0, SEQUENCE);
  const number = info === undefined ? undefined : inside(bytes, info, SEQUENCE);
  if (number === undefined || bytes[number] !== INTEGER || bytes[number + 1] !== 1) return undefined;
  return bytes[number + 2];
}

/** Where the content of the element at `at` begins, if the element is of that kind. */
function inside(bytes: Buffer, at: number, tag: number): number | undefined {
  const length = bytes[at + 1];
  if (bytes[at] !== tag || length === undefined) return undefined;
  return at + 2 + (length < 0x80 ? 0 : length - 0x80);
}

function imprintOf(sha256: Uint8Array): Buffer {
  return der(OCTETS, Buffer.from(sha256));
}

/** Positive, and without leading zeros, as DER requires. */
function nonceOf(nonce: Uint8Array): Buffer {
  const positive = Buffer.from(nonce);
  positive.writeUInt8((positive.readUInt8(0) & 0x7f) | 0x40, 0);
  return der(INTEGER, positive);
}

/** All contents of ours are shorter than 128 bytes. */
function der(tag: number, ...contents: readonly Buffer[]): Buffer {
  const content = Buffer.concat(contents);
  return Buffer.concat([Buffer.from([tag, content.length]), content]);
}
