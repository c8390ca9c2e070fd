import type { SigningSettings } from '../../config/signing.ts';
import { type PublicKey, parsePublicKey } from '../../keys/public-key.ts';
import { LocalSigner, newSigningKey, type Signer } from '../../keys/signer.ts';
import type { SignatureOptions } from '../../repository/keys/signatures.ts';
import type { StoreConfig } from '../../store/open-store.ts';

/** Which key signs, and which signatures are trusted. */
export interface SigningPlace extends Pick<SigningSettings, 'kmsKey' | 'publicKeys' | 'isRequired'> {
  /** A private key as PEM, instead of one in KMS. Secret. */
  readonly pem?: string | undefined;
}

/** @throws E_BAD_KEY */
export async function openSigning({
  signing,
  s3,
}: Pick<StoreConfig, 's3'> & {
  readonly signing?: SigningPlace | undefined;
}): Promise<SignatureOptions | undefined> {
  if (!signing) return undefined;
  const { publicKeys, isRequired } = signing;
  return {
    signer: await openSigner(signing, s3?.region),
    publicKeys: publicKeys.map(parsePublicKey),
    isRequired,
  };
}

/** A new private key and its public half. */
export async function makeSigningKey(): Promise<{ readonly pem: string; readonly publicKey: PublicKey }> {
  const pem = newSigningKey();
  return { pem, publicKey: await new LocalSigner(pem).publicKey() };
}

/** The signer; undefined if nobody signs. @throws E_BAD_KEY */
export async function openSigner(
  { pem, kmsKey }: Pick<SigningPlace, 'pem' | 'kmsKey'>,
  region?: string,
): Promise<Signer | undefined> {
  if (pem !== undefined) return new LocalSigner(pem);
  if (kmsKey === undefined) return undefined;
  const { KmsSigner } = await import('../../keys/kms-signer.ts');
  return new KmsSigner({ keyId: kmsKey, region });
}
