import * as z from 'zod';

/** A SubjectPublicKeyInfo of Ed25519 or P-256 in base64, or the same as PEM; what it holds is looked at where it is used. */
const PublicKeyText = z
  .string()
  .regex(
    /^(\s*-----BEGIN PUBLIC KEY-----)?[A-Za-z0-9+/=\s]{56,200}(-----END PUBLIC KEY-----\s*)?$/,
    'it is not a public key (base64, as `holdfast keys signing` prints it, or PEM)',
  );

export const SigningConfig = z.strictObject({
  /** File of the private key, PEM. */
  keyFile: z.string().min(1).optional(),
  /** A KMS key of the spec ECC_NIST_P256 that signs, by ARN, id or alias, instead. */
  kmsKey: z.string().min(1).optional(),
  /** Whose signatures are believed. */
  publicKeys: z.array(PublicKeyText).max(8).optional(),
  /** Nothing without such a signature is believed. */
  required: z.boolean().optional(),
});

/** Who signs manifests and decisions, and whose signatures are believed. */
export interface SigningSettings {
  readonly keyFile: string | undefined;
  readonly kmsKey: string | undefined;
  readonly publicKeys: readonly string[];
  readonly isRequired: boolean;
}

/** Problems are added to `problems`. */
export function resolveSigning(
  file: z.infer<typeof SigningConfig> | undefined,
  envKeyFile: string | undefined,
  problems: string[],
): SigningSettings {
  const { kmsKey, publicKeys = [], required = false } = file ?? {};
  const keyFile = envKeyFile ?? file?.keyFile;
  if (keyFile !== undefined && kmsKey !== undefined)
    problems.push('signing.keyFile and signing.kmsKey are both set; keep the one that is to sign');
  if (required && publicKeys.length === 0)
    problems.push('signing.required needs signing.publicKeys: whose signatures are to be believed');
  return { keyFile, kmsKey, publicKeys, isRequired: required };
}
