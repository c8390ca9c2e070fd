import {
  DecryptCommand,
  DescribeKeyCommand,
  EncryptCommand,
  GenerateDataKeyCommand,
  KMSClient,
} from '@aws-sdk/client-kms';
import { HoldfastError } from '../core/errors.ts';
import { type KeyContext, type KeyProvider, type WrappedKey, wrongKey } from './key-provider.ts';
import { fromKmsError } from './kms-errors.ts';

/** `arn:aws:kms:eu-west-1:111122223333:key/…`, of an alias, or of another partition. */
const ARN = /^arn:[a-z-]+:kms:([a-z0-9-]+):\d{12}:.+$/;
const KEY_ARN = /^arn:[a-z-]+:kms:[a-z0-9-]+:\d{12}:key\/.+$/;
/** A multi-Region key. Its replicas differ only in their region, and open what any of them sealed. */
const REPLICA = /^(arn:[a-z-]+:kms:)[a-z0-9-]+(:\d{12}:key\/mrk-.+)$/;
const ATTEMPTS = 5;
const FOREIGN =
  'If this is an earlier key of this repository, add its ARN to olderKmsKeys. If nobody knows it, somebody else wrote this, and none of it can be trusted.';

/** Which key of KMS, and which came before it. */
export interface KmsKeyOptions {
  /** ARN or id of a symmetric KMS key, or `alias/…`. */
  readonly keyId: string;
  /**
   * ARNs of the keys that it replaced: what they wrapped is opened, and nothing new is wrapped with them.
   * @default none
   */
  readonly older?: readonly string[] | undefined;
  /** @default the ARN's region, else the SDK's chain: environment, profile */
  readonly region?: string | undefined;
}

/**
 * A root key in AWS KMS, which never leaves it. A data key's context is KMS's encryption context, so a key
 * policy can allow a role only some purposes (`kms:EncryptionContext:purpose`; docs/reference/security.md).
 *
 * The key that an object names as its wrapping key is trusted only if it is configured. Otherwise anybody who
 * may write to the store could use a key of their own to make what passes for a backup.
 */
export class KmsKeyProvider implements KeyProvider {
  readonly rootKeyId: string;
  readonly #older: readonly string[];
  readonly #client: KMSClient;

  private constructor(client: KMSClient, keyArn: string, older: readonly string[]) {
    this.#client = client;
    this.rootKeyId = keyArn;
    this.#older = older;
  }

  /**
   * Asks KMS once which key an id or alias stands for; for an ARN it asks nothing.
   *
   * @throws E_BAD_KEY if an older key is not given by its ARN; E_KEY_DENIED, E_KEY_UNAVAILABLE
   */
  static async open(
    { keyId, older = [], region }: KmsKeyOptions,
    signal?: AbortSignal,
  ): Promise<KmsKeyProvider> {
    for (const arn of older) if (!KEY_ARN.test(arn)) throw notAnArn(arn);
    const where = regionOfKey(keyId) ?? region;
    const client = new KMSClient({
      maxAttempts: ATTEMPTS,
      ...(where === undefined ? {} : { region: where }),
    });
    return new KmsKeyProvider(
      client,
      KEY_ARN.test(keyId) ? keyId : await resolve(client, keyId, signal),
      older,
    );
  }

  opens(rootKeyId: string): boolean {
    return this.#pinned(rootKeyId) !== undefined;
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
    const pinned = this.#pinned(rootKeyId);
    if (pinned === undefined) throw wrongKey(rootKeyId, this.rootKeyId, FOREIGN);
    const command = new DecryptCommand({
      CiphertextBlob: Buffer.from(wrapped, 'base64'),
      KeyId: pinned,
      EncryptionContext: { ...context },
    });
    const what = `open the ${context.purpose} key of run ${context.run}`;
    const { Plaintext } = await this.#ask(what, (options) => this.#client.send(command, options), signal);
    if (!Plaintext) throw new HoldfastError('E_INTERNAL', `KMS was asked to ${what} and sent none`);
    return Plaintext;
  }

  /** The configured key that `rootKeyId` is, or is a replica of. */
  #pinned(rootKeyId: string): string | undefined {
    const wanted = withoutRegion(rootKeyId);
    return [this.rootKeyId, ...this.#older].find((arn) => withoutRegion(arn) === wanted);
  }

  #ask<T>(what: string, send: Send<T>, signal: AbortSignal | undefined): Promise<T> {
    return ask(what, send, { key: this.rootKeyId, signal });
  }
}

/** The region in an ARN; undefined for an id or alias. */
export function regionOfKey(keyId: string): string | undefined {
  return ARN.exec(keyId)?.[1];
}

type Send<T> = (options: { readonly abortSignal?: AbortSignal }) => Promise<T>;

async function ask<T>(
  what: string,
  send: Send<T>,
  { key, signal }: { readonly key: string; readonly signal: AbortSignal | undefined },
): Promise<T> {
  try {
    return await send(signal === undefined ? {} : { abortSignal: signal });
  } catch (error) {
    throw fromKmsError(error, { key, what, signal });
  }
}

/** The ARN of the key that an id stands for, or an alias at this moment. */
async function resolve(client: KMSClient, keyId: string, signal: AbortSignal | undefined): Promise<string> {
  const command = new DescribeKeyCommand({ KeyId: keyId });
  const send: Send<{ readonly KeyMetadata?: { readonly Arn?: string | undefined } | undefined }> = (
    options,
  ) => client.send(command, options);
  const { KeyMetadata } = await ask('say which key it is', send, { key: keyId, signal });
  if (KeyMetadata?.Arn) return KeyMetadata.Arn;
  throw new HoldfastError('E_INTERNAL', `KMS described the key ${keyId} without its ARN`);
}

function withoutRegion(arn: string): string {
  return arn.replace(REPLICA, '$1$2');
}

function notAnArn(given: string): HoldfastError {
  return new HoldfastError('E_BAD_KEY', `an older KMS key is '${given}', which is not the ARN of a key`, {
    hint: 'Give it as arn:aws:kms:REGION:ACCOUNT:key/ID; an alias may point to another key by now.',
  });
}
