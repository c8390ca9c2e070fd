import crypto, { createPrivateKey, createPublicKey, diffieHellman } from 'node:crypto';
import { readFile } from 'node:fs/promises';
import { describe, expect, it } from 'vitest';
import { open, seal } from '../../../shared/keys/hpke.ts';
import { decapsulateWith, encapsulateTo, recoveryPublicKey } from '../../../shared/keys/x-wing.ts';

/*
 * Published vectors: draft-connolly-cfrg-xwing-kem (spec/test-vectors.json), RFC 9180 (A.1.1: X25519, HKDF-SHA256,
 * AES-128-GCM) and RFC 7748 (6.1).
 */

interface XWingVector {
  readonly seed: string;
  readonly pk: string;
  readonly ct: string;
  readonly ss: string;
}

const bytes = (hex: string) => Buffer.from(hex.replaceAll(/\s/g, ''), 'hex');
const xWing = JSON.parse(await readFile('test/fixtures/recovery/x-wing.json', 'utf8')) as XWingVector[];

describe('X-Wing', () => {
  it.each(xWing.entries().toArray())('agrees with published vector %i', (_, vector) => {
    expect(recoveryPublicKey(bytes(vector.seed)).toString('hex')).toBe(vector.pk);
    expect(decapsulateWith(bytes(vector.seed), bytes(vector.ct)).toString('hex')).toBe(vector.ss);
  });

  it('gives both sides one secret, another one each time, and a third where the ciphertext was changed', () => {
    const [{ seed = '', pk = '' } = {}] = xWing;
    const first = encapsulateTo(bytes(pk));
    const second = encapsulateTo(bytes(pk));
    expect(decapsulateWith(bytes(seed), first.ciphertext)).toEqual(first.secret);
    expect(first.secret).not.toEqual(second.secret);
    for (const at of [0, 1087, 1088, 1118]) {
      const changed = Buffer.from(first.ciphertext);
      changed[at] = (changed[at] ?? 0) ^ 1;
      expect(decapsulateWith(bytes(seed), changed)).not.toEqual(first.secret);
    }
  });

  it.each([
    ['a public key that is cut short', () => encapsulateTo(Buffer.alloc(1215))],
    [
      'a point that gives no secret',
      () => encapsulateTo(Buffer.concat([bytes(xWing[0]?.pk ?? '').subarray(0, 1184), Buffer.alloc(32)])),
    ],
    ['a ciphertext that is cut short', () => decapsulateWith(Buffer.alloc(32, 7), Buffer.alloc(1119))],
    ['a seed that is cut short', () => recoveryPublicKey(Buffer.alloc(31))],
  ])('refuses %s', (_, use) => {
    expect(use).toThrow(expect.objectContaining({ code: 'E_BAD_KEY' }));
  });
});

it('says what is missing on a Node without ML-KEM', () => {
  const { encapsulate } = crypto;
  try {
    Object.assign(crypto, { encapsulate: undefined });
    expect(() => recoveryPublicKey(Buffer.alloc(32))).toThrow(
      expect.objectContaining({ code: 'E_KEY_UNAVAILABLE', message: expect.stringContaining('ML-KEM') }),
    );
  } finally {
    Object.assign(crypto, { encapsulate });
  }
});

describe('HPKE', () => {
  const suite = { kem: 0x20, aead: 1, cipher: 'aes-128-gcm', keyBytes: 16 } as const;
  const message = {
    secret: bytes('fe0e18c9f024ce43799ae393c7e8fe8fce9d218875e8227b0187c04e7d2ea1fc'),
    info: bytes('4f6465206f6e2061204772656369616e2055726e'),
    associated: bytes('436f756e742d30'),
  };
  const plain = bytes('4265617574792069732074727574682c20747275746820626561757479');
  const sealed = bytes(
    'f938558b5d72f1a23810b4be2ab4f84331acc02fc97babc53a52ae8218a355a96d8770ac83d07bea87e13c512a',
  );

  it('seals and opens the published message', () => {
    expect(seal(suite, message, plain).toString('hex')).toBe(sealed.toString('hex'));
    expect(open(suite, message, sealed)).toEqual(plain);
  });

  it.each([
    ['another text of what it is for', { ...message, info: Buffer.from('other') }, sealed],
    ['other associated data', { ...message, associated: Buffer.from('other') }, sealed],
    ['a changed byte', message, Buffer.concat([Buffer.of(0), sealed.subarray(1)])],
    ['an end that is missing', message, sealed.subarray(0, -1)],
    ['nothing', message, Buffer.alloc(0)],
  ])('does not open with %s', (_, given, ciphertext) => {
    expect(open(suite, given, ciphertext)).toBeUndefined();
  });
});

it('X25519 of Node agrees with RFC 7748', () => {
  const pair = (raw: string) =>
    createPrivateKey({ format: 'der', type: 'pkcs8', key: bytes(`302e020100300506032b656e04220420${raw}`) });
  const alice = pair('77076d0a7318a57d3c16c17251b26645df4c2f87ebc0992ab177fba51db92c2a');
  const bob = pair('5dab087e624a8a4b79e17f8b83800ee66f3bb1292618b6fd1c2f8b27ff88e0eb');
  const shared = diffieHellman({ privateKey: alice, publicKey: createPublicKey(bob) });
  expect(shared.toString('hex')).toBe('4a5d9d5ba4ce2de1728e3bf480350f25e07e21c947d19e3376f09b3c1e161742');
});
