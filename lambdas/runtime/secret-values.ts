import { GetSecretValueCommand, SecretsManagerClient } from '@aws-sdk/client-secrets-manager';
import { GetParameterCommand, SSMClient } from '@aws-sdk/client-ssm';

/** A secret of Secrets Manager; undefined where it is not text. */
export async function secretValue(
  arn: string,
  region: string,
  abortSignal: AbortSignal,
): Promise<string | undefined> {
  const command = new GetSecretValueCommand({ SecretId: arn });
  return (await new SecretsManagerClient({ region }).send(command, { abortSignal })).SecretString;
}

/** A parameter of Systems Manager, decrypted. */
export async function parameterValue(
  name: string,
  region: string,
  abortSignal: AbortSignal,
): Promise<string | undefined> {
  const command = new GetParameterCommand({ Name: name, WithDecryption: true });
  return (await new SSMClient({ region }).send(command, { abortSignal })).Parameter?.Value;
}
