import { execFileSync } from 'node:child_process';
import {
  createCipheriv,
  createDecipheriv,
  createPublicKey,
  generateKeyPairSync,
  type KeyObject,
  randomBytes,
} from 'node:crypto';
import { mkdtempSync, rmSync, writeFileSync } from 'node:fs';
import { createServer } from 'node:http';
import type { AddressInfo } from 'node:net';
import { tmpdir } from 'node:os';
import path from 'node:path';
import { onTestFinished, vi } from 'vitest';

export interface KmsRequest {
  readonly action: string;
  /** The function that asked, as its SDK says (`AWS_SDK_UA_APP_ID`). */
  readonly job?: string | undefined;
  readonly input: {
    readonly KeyId?: string;
    readonly KeySpec?: string;
    readonly CiphertextBlob?: string;
    readonly Plaintext?: string;
    readonly Message?: string;
    readonly MessageType?: string;
    readonly SigningAlgorithm?: string;
    readonly EncryptionContext?: Readonly<Record<string, string>>;
  };
}

export interface KmsDouble {
  readonly keyArn: string;
  /** A key of somebody else's account, which lets anybody use it. */
  readonly strangersArn: string;
  /** A key of the spec ECC_NIST_P256, and its private half. */
  readonly signingArn: string;
  readonly signingKey: KeyObject;
  readonly requests: readonly KmsRequest[];
  /** The next requests are refused with this error. */
  refuse(name: string, times?: number): void;
  /** As KMS answers for a key in that state. */
  setState(state: KmsState): void;
}

export type KmsState = 'Disabled' | 'Enabled' | 'PendingDeletion';

/** What KMS answers where a key in such a state is to be used. */
const UNUSABLE: Readonly<Partial<Record<KmsState, string>>> = {
  Disabled: 'DisabledException',
  PendingDeletion: 'KMSInvalidStateException',
};

/**
 * A double of ours of AWS KMS: GenerateDataKey, Encrypt, Decrypt and DescribeKey of a key and of a stranger's, Sign and
 * GetPublicKey of a third, over its wire protocol, bound to the encryption context as KMS binds it. It checks no signatures and no policies. The SDK finds it by the environment.
 */
export async function startKms(keyName = randomBytes(16).toString('hex')): Promise<KmsDouble> {
  const keyArn = `arn:aws:kms:eu-west-1:111122223333:key/${keyName}`;
  const strangersArn = `arn:aws:kms:eu-west-1:999988887777:key/${randomBytes(16).toString('hex')}`;
  const signingArn = `arn:aws:kms:eu-west-1:111122223333:key/${randomBytes(16).toString('hex')}`;
  const { privateKey: signingKey } = generateKeyPairSync('ec', { namedCurve: 'P-256' });
  const roots = [randomBytes(32), randomBytes(32)] as const;
  const requests: KmsRequest[] = [];
  const refusals: string[] = [];
  let state: KmsState = 'Enabled';
  const server = createServer(async (request, response) => {
    const body = Buffer.concat(await Array.fromAsync(request as AsyncIterable<Buffer>)).toString();
    const action = String(request.headers['x-amz-target']).replace('TrentService.', '');
    const asked = { action, input: JSON.parse(body) };
    requests.push(asked);
    const answer =
      refusals.length > 0
        ? { __type: refusals.shift() }
        : asked.input.KeyId === signingArn
          ? answerSigning(asked, signingKey)
          : asked.input.KeyId === strangersArn
            ? answerKms(asked, roots[1], strangersArn)
            : answerKms(asked, roots[0], keyArn, state);
    response.writeHead(answer && !('__type' in answer) ? 200 : 400, {
      'content-type': 'application/x-amz-json-1.1',
    });
    response.end(JSON.stringify(answer ?? { __type: 'UnknownOperationException' }));
  });
  await new Promise<void>((resolve) => server.listen(0, '127.0.0.1', resolve));
  onTestFinished(() => {
    server.closeAllConnections();
    server.close();
    vi.unstubAllEnvs();
  });
  vi.stubEnv('AWS_ENDPOINT_URL_KMS', `http://127.0.0.1:${(server.address() as AddressInfo).port}`);
  vi.stubEnv('AWS_ACCESS_KEY_ID', 'test');
  vi.stubEnv('AWS_SECRET_ACCESS_KEY', 'test');
  const refuse = (name: string, times = 1) => refusals.push(...Array.from({ length: times }, () => name));
  const setState = (next: KmsState): void => {
    state = next;
  };
  return { keyArn, strangersArn, signingArn, signingKey, requests, refuse, setState };
}

/** What KMS would answer to one request; undefined for what the double does not know. */
export function answerKms(
  request: KmsRequest,
  root: Buffer,
  keyArn: string,
  state: KmsState = 'Enabled',
): Answer | undefined {
  const unusable = UNUSABLE[state];
  if (request.action === 'DescribeKey') return { KeyMetadata: describeKey(keyArn, state) };
  if (unusable !== undefined) return { __type: unusable };
  return ANSWERS[request.action]?.(request, root, keyArn);
}

type Answer = Readonly<
  Record<string, string | Readonly<Record<string, number | string | undefined>> | undefined>
>;

function describeKey(keyArn: string, state: KmsState) {
  const key = { Arn: keyArn, KeyId: keyArn.split('/')[1], KeyState: state };
  const kind = { KeyUsage: 'ENCRYPT_DECRYPT', KeySpec: 'SYMMETRIC_DEFAULT' };
  return { ...key, ...kind, ...(state === 'PendingDeletion' ? { DeletionDate: 1_798_761_600 } : {}) };
}

/** Signs a digest by hand, as nothing of Node's takes one: through OpenSSL. */
function answerSigning({ action, input }: KmsRequest, key: KeyObject): Answer {
  if (action === 'GetPublicKey') {
    const spki = createPublicKey(key).export({ format: 'der', type: 'spki' });
    return { PublicKey: spki.toString('base64'), KeySpec: 'ECC_NIST_P256', KeyUsage: 'SIGN_VERIFY' };
  }
  const { Message = '', MessageType, SigningAlgorithm } = input;
  const digest = Buffer.from(Message, 'base64');
  if (action !== 'Sign' || SigningAlgorithm !== 'ECDSA_SHA_256')
    return { __type: 'InvalidKeyUsageException' };
  if (MessageType !== 'DIGEST' || digest.length !== 32) return { __type: 'ValidationException' };
  return { Signature: signDigest(digest, key).toString('base64'), SigningAlgorithm };
}

function signDigest(digest: Buffer, key: KeyObject): Buffer {
  const folder = mkdtempSync(path.join(tmpdir(), 'kms-'));
  try {
    writeFileSync(path.join(folder, 'key.pem'), key.export({ format: 'pem', type: 'pkcs8' }), {
      mode: 0o600,
    });
    return execFileSync('openssl', ['pkeyutl', '-sign', '-inkey', path.join(folder, 'key.pem')], {
      input: digest,
    });
  } finally {
    rmSync(folder, { recursive: true });
  }
}

const ANSWERS: Readonly<Record<string, (request: KmsRequest, root: Buffer, keyArn: string) => Answer>> = {
  GenerateDataKey({ input }, root, keyArn) {
    if (input.KeyId !== keyArn && !input.KeyId?.startsWith('alias/')) return { __type: 'NotFoundException' };
    const plain = randomBytes(32);
    return {
      KeyId: keyArn,
      CiphertextBlob: seal(plain, root, input),
      Plaintext: plain.toString('base64'),
    };
  },
  Encrypt({ input }, root, keyArn) {
    return { KeyId: keyArn, CiphertextBlob: seal(Buffer.from(input.Plaintext ?? '', 'base64'), root, input) };
  },
  Decrypt({ input }, root, keyArn) {
    if (input.KeyId !== keyArn) return { __type: 'IncorrectKeyException' };
    const sealed = Buffer.from(input.CiphertextBlob ?? '', 'base64');
    try {
      const decipher = createDecipheriv('aes-256-gcm', root, sealed.subarray(0, 12), { authTagLength: 16 });
      decipher.setAAD(contextOf(input)).setAuthTag(sealed.subarray(-16));
      const plain = Buffer.concat([decipher.update(sealed.subarray(12, -16)), decipher.final()]);
      return { KeyId: keyArn, Plaintext: plain.toString('base64') };
    } catch {
      return { __type: 'InvalidCiphertextException' };
    }
  },
};

function seal(plain: Buffer, root: Buffer, input: KmsRequest['input']): string {
  const nonce = randomBytes(12);
  const cipher = createCipheriv('aes-256-gcm', root, nonce).setAAD(contextOf(input));
  const sealed = Buffer.concat([nonce, cipher.update(plain), cipher.final(), cipher.getAuthTag()]);
  return sealed.toString('base64');
}

function contextOf({ EncryptionContext = {} }: KmsRequest['input']): Buffer {
  return Buffer.from(JSON.stringify(Object.entries(EncryptionContext).sort()));
}
