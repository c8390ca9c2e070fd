import { GetSecretValueCommand, SecretsManagerClient } from '@aws-sdk/client-secrets-manager';
import { GetParameterCommand, SSMClient } from '@aws-sdk/client-ssm';

/** A secret of Secrets Manager; undefined if it is not text. */
export async function secretValue(
  arn: string,
  region: string,
  abortSignal: AbortSignal,
): Promise<string | undefined> {
  const command = new GetSecretValueCommand({ SecretId: arn });
  return (await new SecretsManagerClient({ region }).send(command, { abortSignal })).SecretString;
}

/**
 * A parameter of Systems Manager, decrypted.
 *
 * @param path as in its ARN, `/a` or `/a/b`: a name without other slashes may also begin without one
 */
export async function parameterValue(
  path: string,
  region: string,
  abortSignal: AbortSignal,
): Promise<string | undefined> {
  const client = new SSMClient({ region });
  const ask = async (Name: string) => {
    const command = new GetParameterCommand({ Name, WithDecryption: true });
    return (await client.send(command, { abortSignal })).Parameter?.Value;
  };
  try {
    return await ask(path);
  } catch (error) {
    const isOther =
      error instanceof Error && error.name === 'ParameterNotFound' && path.lastIndexOf('/') === 0;
    if (!isOther) throw error;
    return ask(path.slice(1));
  }
}
