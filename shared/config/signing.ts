import * as z from 'zod';

/** A SubjectPublicKeyInfo of Ed25519 or P-256 in base64 or PEM; its content is checked when it is used. */
const PublicKeyText = z
  .string()
  .regex(
    /^(\s*-----BEGIN PUBLIC KEY-----)?[A-Za-z0-9+/=\s]{56,200}(-----END PUBLIC KEY-----\s*)?$/,
    'not a public key (base64, as `holdfast keys signing` prints it, or PEM)',
  );

/** `signing` of the configuration. */
export const SigningConfig = z.strictObject({
  /** File of the private key, PEM. */
  keyFile: z.string().min(1).optional(),
  /** ARN, id or alias of a KMS signing key of the spec ECC_NIST_P256, instead. */
  kmsKey: z.string().min(1).optional(),
  /** Whose signatures are trusted. */
  publicKeys: z.array(PublicKeyText).max(8).optional(),
  /** Nothing without a trusted signature is accepted. */
  required: z.boolean().optional(),
});

/** Who signs manifests and decisions, and whose signatures are trusted. */
export interface SigningSettings {
  readonly keyFile: string | undefined;
  readonly kmsKey: string | undefined;
  readonly publicKeys: readonly string[];
  readonly isRequired: boolean;
}

/** Adds problems to `problems`. */
export function resolveSigning(
  file: z.infer<typeof SigningConfig> | undefined,
  envKeyFile: string | undefined,
  problems: string[],
): SigningSettings {
  const { kmsKey, publicKeys = [], required = false } = file ?? {};
  const keyFile = envKeyFile ?? file?.keyFile;
  if (keyFile !== undefined && kmsKey !== undefined)
    problems.push('signing.keyFile and signing.kmsKey are both set; keep the one to sign with');
  if (required && publicKeys.length === 0)
    problems.push('signing.required needs signing.publicKeys: the keys whose signatures to trust');
  return { keyFile, kmsKey, publicKeys, isRequired: required };
}
