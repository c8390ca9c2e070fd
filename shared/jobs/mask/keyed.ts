import { createCipheriv, createHmac, createSecretKey, hkdfSync, type KeyObject } from 'node:crypto';
import { HoldfastError } from '../../core/errors.ts';

/** Characters of a secret at least. */
const LEAST_SECRET = 16;
const BLOCK_BYTES = 16;
/** RFC 4648, in lower case: no letter that differs in case only. */
const BASE32 = 'abcdefghijklmnopqrstuvwxyz234567';

/** What a user's secret makes of values: for the same secret always the same, and nothing can be told from it without the secret. */
export class Keyed {
  readonly #mac: KeyObject;
  readonly #cipher: ReturnType<typeof createCipheriv>;
  readonly #rounds = new Map<number, Int32Array[]>();

  /** @throws E_USAGE for a secret that is too short */
  constructor(secret: string) {
    if (secret.length < LEAST_SECRET)
      throw new HoldfastError(
        'E_USAGE',
        `the masking secret has ${secret.length} characters; it needs at least ${LEAST_SECRET}`,
        { hint: 'Make one with `openssl rand -hex 32`, and keep it as safe as the data.' },
      );
    const derive = (purpose: string) =>
      Buffer.from(
        hkdfSync('sha256', secret, 'holdfast/mask/1', purpose, purpose === 'mac' ? 32 : BLOCK_BYTES),
      );
    this.#mac = createSecretKey(derive('mac'));
    this.#cipher = createCipheriv('aes-128-ecb', derive('permutation'), null).setAutoPadding(false);
  }

  /** 32 bytes of a value: HMAC-SHA-256 under the name of what they are for. */
  bytes(use: string, value: string): Buffer {
    return createHmac('sha256', this.#mac).update(use).update('\0').update(value).digest();
  }

  /** The same as a text of this many letters and digits, 52 at most. */
  letters(use: string, value: string, count: number): string {
    const bytes = this.bytes(use, value);
    let text = '';
    let bits = 0;
    let held = 0;
    for (const byte of bytes) {
      held = ((held << 8) | byte) & 0xfff;
      for (bits += 8; bits >= 5 && text.length < count; bits -= 5) text += BASE32[(held >> (bits - 5)) & 31];
    }
    return text;
  }

  /** A number from 0 (included) to `below` (not included) that the value chooses. */
  choice(use: string, value: string, below: number): number {
    return this.bytes(use, value).readUIntBE(0, 6) % below;
  }

  /** What stands for the secret where it must not be said: the same for the same secret. */
  get fingerprint(): string {
    return this.bytes('fingerprint', '').toString('hex', 0, 8);
  }

  /** A pseudorandom function of a small number, for permutations: 128 bits. */
  round(tweak: number, round: number, half: bigint): bigint {
    const block = Buffer.alloc(BLOCK_BYTES);
    block.writeUInt32BE(tweak, 0);
    block.writeUInt8(round, 4);
    block.writeBigUInt64BE(half, 8);
    const made = this.#cipher.update(block);
    return (made.readBigUInt64BE(0) << 64n) | made.readBigUInt64BE(8);
  }

  /** The same for halves of up to 16 bits, each computed once: 256 KiB a round at most. */
  smallRounds(tweak: number, half: number): (round: number, right: number) => number {
    const known = this.#rounds.get(tweak) ?? [];
    this.#rounds.set(tweak, known);
    const mask = (1n << BigInt(half)) - 1n;
    return (round, right) => {
      const values = known[round] ?? new Int32Array(2 ** half).fill(-1);
      known[round] = values;
      let value = values[right] as number;
      if (value < 0) {
        value = Number(this.round(tweak, round, BigInt(right)) & mask);
        values[right] = value;
      }
      return value;
    };
  }
}
