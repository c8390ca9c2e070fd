import { encodeAuthenticated, MAC_TAIL_BYTES } from './authenticated-json.ts';

/** Follows a document that somebody vouched for, with a key that its checker need not have. */
export interface Signature {
  /** Id of the public key: the first 32 digits of the SHA-256 of its SubjectPublicKeyInfo. */
  readonly key: string;
  /** Ed25519 of the bytes themselves; ES256: ECDSA on P-256 with SHA-256, in DER. */
  readonly alg: 'Ed25519' | 'ES256';
  /** Base64. */
  readonly value: string;
}

/** Signs the bytes of a document. */
export type Sign = (body: Uint8Array) => Promise<Signature>;

const TAIL =
  /,\n"signature":\{"key":"([0-9a-f]{32})","alg":"(Ed25519|ES256)","value":"([A-Za-z0-9+/]{80,104}={0,2})"\}$/;
/** No signature of these algorithms makes a longer tail. */
const MOST_TAIL_BYTES = 256;

/** As `encodeAuthenticated`, with a signature of everything before it; the MAC covers the signature too. */
export async function encodeSigned(
  document: object,
  macKey: Uint8Array,
  sign: Sign | undefined,
): Promise<Buffer> {
  if (!sign) return encodeAuthenticated(document, macKey);
  const { key, alg, value } = await sign(Buffer.from(JSON.stringify(document).slice(0, -1)));
  return encodeAuthenticated(document, macKey, `,\n"signature":${JSON.stringify({ key, alg, value })}`);
}

/** The signature of a parsed document, and the bytes it signs; undefined if it has none. */
export function signatureOf(
  bytes: Uint8Array,
): { readonly signature: Signature; readonly body: Uint8Array } | undefined {
  const signed = bytes.subarray(0, bytes.length - MAC_TAIL_BYTES);
  const end = Buffer.from(signed.subarray(-MOST_TAIL_BYTES)).toString('latin1');
  const [tail, key, alg, value] = TAIL.exec(end) ?? [];
  if (tail === undefined || key === undefined || value === undefined) return undefined;
  const signature = { key, alg: alg === 'ES256' ? alg : 'Ed25519', value } as const;
  return { signature, body: signed.subarray(0, signed.length - tail.length) };
}
