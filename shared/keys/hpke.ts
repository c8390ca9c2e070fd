import { createCipheriv, createDecipheriv, createHmac } from 'node:crypto';

/** RFC 9180's numbers of the KEM and the AEAD; the KDF is HKDF-SHA256. */
export interface HpkeSuite {
  readonly kem: number;
  readonly aead: number;
  readonly cipher: 'aes-128-gcm' | 'aes-256-gcm';
  readonly keyBytes: number;
}

/** What recovery keys use: X-Wing, HKDF-SHA256, AES-256-GCM. */
export const X_WING_SUITE: HpkeSuite = { kem: 0x647a, aead: 2, cipher: 'aes-256-gcm', keyBytes: 32 };

const KDF = 1;
const BASE_MODE = 0;
const NONCE_BYTES = 12;
const TAG_BYTES = 16;
const HASH_BYTES = 32;

/** The KEM's shared secret, and the info that both sides bind the message to. */
export interface HpkeMessage {
  readonly secret: Uint8Array;
  readonly info: Uint8Array;
  readonly associated: Uint8Array;
}

/** The first message of RFC 9180's base mode; each secret seals one. @returns ciphertext and tag */
export function seal(suite: HpkeSuite, message: HpkeMessage, plain: Uint8Array): Buffer {
  const { key, nonce } = keySchedule(suite, message);
  const cipher = createCipheriv(suite.cipher, key, nonce).setAAD(message.associated);
  return Buffer.concat([cipher.update(plain), cipher.final(), cipher.getAuthTag()]);
}

/** Undefined if it was not sealed under this secret. */
export function open(suite: HpkeSuite, message: HpkeMessage, sealed: Uint8Array): Buffer | undefined {
  if (sealed.length < TAG_BYTES) return undefined;
  const { key, nonce } = keySchedule(suite, message);
  const decipher = createDecipheriv(suite.cipher, key, nonce, { authTagLength: TAG_BYTES });
  decipher.setAAD(message.associated).setAuthTag(sealed.subarray(-TAG_BYTES));
  try {
    return Buffer.concat([decipher.update(sealed.subarray(0, -TAG_BYTES)), decipher.final()]);
  } catch {
    return undefined;
  }
}

/** RFC 9180, section 5.1: KeySchedule<ROLE> without a pre-shared key. */
function keySchedule(suite: HpkeSuite, { secret: shared, info }: HpkeMessage) {
  const id = Buffer.concat([Buffer.from('HPKE'), u16(suite.kem), u16(KDF), u16(suite.aead)]);
  const context = Buffer.concat([
    Buffer.from([BASE_MODE]),
    extract(id, '', 'psk_id_hash', new Uint8Array(0)),
    extract(id, '', 'info_hash', info),
  ]);
  const secret = extract(id, shared, 'secret', new Uint8Array(0));
  return {
    key: expand(id, secret, { label: 'key', context, bytes: suite.keyBytes }),
    nonce: expand(id, secret, { label: 'base_nonce', context, bytes: NONCE_BYTES }),
  };
}

/** LabeledExtract */
function extract(id: Buffer, salt: Uint8Array | '', label: string, input: Uint8Array): Buffer {
  return createHmac('sha256', salt).update('HPKE-v1').update(id).update(label).update(input).digest();
}

/** LabeledExpand, for one block: nothing here is longer than a hash. */
function expand(
  id: Buffer,
  secret: Uint8Array,
  what: { readonly label: string; readonly context: Uint8Array; readonly bytes: number },
): Buffer {
  const { label, context, bytes } = what;
  if (bytes > HASH_BYTES) throw new RangeError(`${bytes} bytes are more than a block`);
  return createHmac('sha256', secret)
    .update(u16(bytes))
    .update('HPKE-v1')
    .update(id)
    .update(label)
    .update(context)
    .update(Uint8Array.of(1))
    .digest()
    .subarray(0, bytes);
}

function u16(value: number): Buffer {
  return Buffer.from([value >> 8, value & 0xff]);
}
