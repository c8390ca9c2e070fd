import { DecryptCommand, EncryptCommand, GenerateDataKeyCommand, KMSClient } from '@aws-sdk/client-kms';
import { HoldfastError } from '../core/errors.ts';
import { type KeyContext, type KeyProvider, type WrappedKey, wrongKey } from './key-provider.ts';
import { fromKmsError } from './kms-errors.ts';

/** `arn:aws:kms:eu-west-1:111122223333:key/…`, of an alias, or of another partition. */
const ARN = /^arn:[a-z-]+:kms:([a-z0-9-]+):\d{12}:(.+)$/;
/** Replicas of a multi-Region key open what any of them sealed. */
const MULTI_REGION = /\bkey\/mrk-/;
const ATTEMPTS = 5;

export interface KmsKeyOptions {
  /** ARN or id of a symmetric KMS key, or `alias/…`. */
  readonly keyId: string;
  /** @default the ARN's, else the SDK's chain: environment, profile */
  readonly region?: string | undefined;
}

/**
 * A root key in AWS KMS, which never leaves it. A data key's context is KMS's encryption context: key policies
 * can allow a role some purposes only (`kms:EncryptionContext:purpose`; docs/security.md).
 */
export class KmsKeyProvider implements KeyProvider {
  readonly rootKeyId: string;
  readonly #client: KMSClient;

  constructor({ keyId, region }: KmsKeyOptions) {
    this.rootKeyId = keyId;
    const where = ARN.exec(keyId)?.[1] ?? region;
    this.#client = new KMSClient({
      maxAttempts: ATTEMPTS,
      ...(where === undefined ? {} : { region: where }),
    });
  }

  /** KMS itself knows which of its keys it may open. */
  opens(rootKeyId: string): boolean {
    return ARN.test(rootKeyId);
  }

  exportRootKey(): undefined {
    return undefined;
  }

  async wrapKey(plain: Uint8Array, context: KeyContext, signal?: AbortSignal): Promise<WrappedKey> {
    const command = new EncryptCommand({
      KeyId: this.rootKeyId,
      Plaintext: plain,
      EncryptionContext: { ...context },
    });
    const send = (options: object) => this.#client.send(command, options);
    const { KeyId, CiphertextBlob } = await this.#ask('wrap a key', send, signal);
    if (!KeyId || !CiphertextBlob)
      throw new HoldfastError('E_INTERNAL', `KMS wrapped a key under ${this.rootKeyId} and sent nothing`);
    return { rootKeyId: KeyId, wrapped: Buffer.from(CiphertextBlob).toString('base64') };
  }

  async generateDataKey(
    context: KeyContext,
    signal?: AbortSignal,
  ): Promise<WrappedKey & { readonly plain: Uint8Array }> {
    const command = new GenerateDataKeyCommand({
      KeyId: this.rootKeyId,
      KeySpec: 'AES_256',
      EncryptionContext: { ...context },
    });
    const { KeyId, CiphertextBlob, Plaintext } = await this.#ask(
      'generate a data key',
      (options) => this.#client.send(command, options),
      signal,
    );
    if (!KeyId || !CiphertextBlob || !Plaintext)
      throw new HoldfastError('E_INTERNAL', `KMS made a data key under ${this.rootKeyId} and sent none`);
    return { rootKeyId: KeyId, wrapped: Buffer.from(CiphertextBlob).toString('base64'), plain: Plaintext };
  }

  async unwrapDataKey(
    { rootKeyId, wrapped }: WrappedKey,
    context: KeyContext,
    signal?: AbortSignal,
  ): Promise<Uint8Array> {
    if (!this.opens(rootKeyId)) throw wrongKey(rootKeyId, this.rootKeyId);
    const command = new DecryptCommand({
      CiphertextBlob: Buffer.from(wrapped, 'base64'),
      KeyId: this.#isReplica(rootKeyId) ? this.rootKeyId : rootKeyId,
      EncryptionContext: { ...context },
    });
    const what = `open the ${context.purpose} key of run ${context.run}`;
    const { Plaintext } = await this.#ask(what, (options) => this.#client.send(command, options), signal);
    if (!Plaintext) throw new HoldfastError('E_INTERNAL', `KMS was asked to ${what} and sent none`);
    return Plaintext;
  }

  #isReplica(rootKeyId: string): boolean {
    return MULTI_REGION.test(rootKeyId) && ARN.exec(rootKeyId)?.[2] === ARN.exec(this.rootKeyId)?.[2];
  }

  async #ask<T>(
    what: string,
    send: (options: { readonly abortSignal?: AbortSignal }) => Promise<T>,
    signal: AbortSignal | undefined,
  ): Promise<T> {
    try {
      return await send(signal === undefined ? {} : { abortSignal: signal });
    } catch (error) {
      throw fromKmsError(error, { key: this.rootKeyId, what, signal });
    }
  }
}
