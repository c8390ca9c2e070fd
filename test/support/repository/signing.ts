import { execFileSync } from 'node:child_process';
import { createHmac } from 'node:crypto';
import { writeFileSync } from 'node:fs';
import path from 'node:path';
import type { BackupKey } from '../../../shared/core/ids.ts';
import { HexKeyProvider } from '../../../shared/keys/hex-key-provider.ts';
import { parsePublicKey } from '../../../shared/keys/public-key.ts';
import { LocalSigner, newSigningKey } from '../../../shared/keys/signer.ts';
import type { SignatureOptions } from '../../../shared/repository/keys/signatures.ts';
import type { ObjectStore } from '../../../shared/store/object-store.ts';
import { newFolder } from '../temporary.ts';
import { TEST_KEY } from './engine.ts';

/** Somebody who signs, and what those have who check. */
export async function makeSigning(): Promise<{
  readonly signing: SignatureOptions;
  readonly checking: SignatureOptions;
  readonly publicText: string;
}> {
  const signer = new LocalSigner(newSigningKey());
  const { text } = await signer.publicKey();
  const checking = { publicKeys: [parsePublicKey(text)], isRequired: true };
  return { signing: { ...checking, signer }, checking, publicText: text };
}

/** Whether OpenSSL says that a stored document is signed; nothing of ours looks at it. By docs/reference/format.md. */
export async function opensslSays(
  bytes: Uint8Array,
  publicText: string,
  alg: 'Ed25519' | 'ES256',
): Promise<boolean> {
  const folder = await newFolder();
  const at = (name: string) => path.join(folder, name);
  const text = Buffer.from(bytes).toString('latin1');
  const body = text.slice(0, text.lastIndexOf(',\n"signature":'));
  const { value } = JSON.parse(Buffer.from(bytes).toString()).signature;
  writeFileSync(at('body'), Buffer.from(body, 'latin1'));
  writeFileSync(at('signature'), Buffer.from(value, 'base64'));
  writeFileSync(at('key.der'), Buffer.from(publicText, 'base64'));
  const key = ['-pubin', '-keyform', 'DER', '-inkey', at('key.der')];
  const how =
    alg === 'Ed25519'
      ? ['pkeyutl', '-verify', ...key, '-rawin', '-in', at('body'), '-sigfile', at('signature')]
      : [
          'dgst',
          '-sha256',
          '-verify',
          at('key.der'),
          '-keyform',
          'DER',
          '-signature',
          at('signature'),
          at('body'),
        ];
  try {
    execFileSync('openssl', how, { stdio: 'pipe' });
    return true;
  } catch {
    return false;
  }
}

/**
 * Changes a manifest as somebody can who has the repository's key and no signing key, and gives it a MAC that is right. By hand,
 * from docs/reference/format.md; only the unwrapping of a key is ours.
 */
export async function withRightMac(
  store: ObjectStore,
  key: string,
  edit: (document: Record<string, unknown>) => Record<string, unknown>,
): Promise<Buffer> {
  const { mac: _, ...document } = JSON.parse(Buffer.from(await store.get(key)).toString());
  const entry = document.keys.find(
    (one: { run: string; purpose: string }) => one.run === document.run && one.purpose === 'manifest',
  );
  const context = { repository: document.repository, run: document.run, purpose: 'manifest' } as const;
  const macKey = await new HexKeyProvider(TEST_KEY).unwrapDataKey(entry, context);
  const body = JSON.stringify(edit(document)).slice(0, -1);
  const mac = createHmac('sha256', macKey).update(body).digest('hex');
  return Buffer.from(`${body},\n"mac":"${mac}"}\n`);
}

/** Puts other bytes in an object's place. */
export async function replace(store: ObjectStore, key: string, bytes: Uint8Array): Promise<BackupKey> {
  await store.delete(key);
  await store.put(key, bytes);
  return key as BackupKey;
}
