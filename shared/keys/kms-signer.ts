import { createHash } from 'node:crypto';
import { GetPublicKeyCommand, KMSClient, SignCommand } from '@aws-sdk/client-kms';
import { HoldfastError } from '../core/errors.ts';
import { fromKmsError } from './kms-errors.ts';
import { regionOfKey } from './kms-key-provider.ts';
import { type PublicKey, parsePublicKey } from './public-key.ts';
import type { Signer } from './signer.ts';

const ATTEMPTS = 5;

/** Which key of KMS signs. */
export interface KmsSignerOptions {
  /** ARN, id or alias of a KMS key of the spec ECC_NIST_P256 and the usage SIGN_VERIFY. */
  readonly keyId: string;
  /** @default the ARN's region, else the SDK's chain: environment, profile */
  readonly region?: string | undefined;
}

/** A signing key in AWS KMS, which never leaves it. Needs `kms:Sign` and `kms:GetPublicKey`. */
export class KmsSigner implements Signer {
  readonly #client: KMSClient;
  readonly #keyId: string;
  #public: Promise<PublicKey> | undefined;

  constructor({ keyId, region }: KmsSignerOptions) {
    const where = regionOfKey(keyId) ?? region;
    this.#keyId = keyId;
    this.#client = new KMSClient({
      maxAttempts: ATTEMPTS,
      ...(where === undefined ? {} : { region: where }),
    });
  }

  publicKey(signal?: AbortSignal): Promise<PublicKey> {
    this.#public ??= this.#askForKey(signal);
    this.#public.catch(() => {
      this.#public = undefined;
    });
    return this.#public;
  }

  /** Sends only the digest, as KMS takes no more than 4,096 bytes. */
  async sign(body: Uint8Array, signal?: AbortSignal) {
    const { id: key, alg } = await this.publicKey(signal);
    const command = new SignCommand({
      KeyId: this.#keyId,
      Message: createHash('sha256').update(body).digest(),
      MessageType: 'DIGEST',
      SigningAlgorithm: 'ECDSA_SHA_256',
    });
    const { Signature } = await this.#ask('sign', (options) => this.#client.send(command, options), signal);
    if (!Signature) throw new HoldfastError('E_INTERNAL', `KMS signed with ${this.#keyId} and sent nothing`);
    return { key, alg, value: Buffer.from(Signature).toString('base64') };
  }

  async #askForKey(signal: AbortSignal | undefined): Promise<PublicKey> {
    const command = new GetPublicKeyCommand({ KeyId: this.#keyId });
    const send = (options: object) => this.#client.send(command, options);
    const { PublicKey: spki } = await this.#ask('give its public half', send, signal);
    const found = parsePublicKey(Buffer.from(spki ?? []).toString('base64'));
    if (found.alg === 'ES256') return found;
    throw new HoldfastError('E_BAD_KEY', `the KMS key ${this.#keyId} is not of the spec ECC_NIST_P256`, {
      hint: 'Make one: aws kms create-key --key-spec ECC_NIST_P256 --key-usage SIGN_VERIFY',
    });
  }

  async #ask<T>(
    what: string,
    send: (options: { readonly abortSignal?: AbortSignal }) => Promise<T>,
    signal: AbortSignal | undefined,
  ): Promise<T> {
    try {
      return await send(signal === undefined ? {} : { abortSignal: signal });
    } catch (error) {
      throw fromKmsError(error, { key: this.#keyId, what, signal });
    }
  }
}
