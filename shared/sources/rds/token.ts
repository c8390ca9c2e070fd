import { HoldfastError } from '../../core/errors.ts';

/** Whom to log in as by IAM, and where. */
export interface TokenLogin {
  readonly host: string;
  readonly port: number;
  readonly user: string;
  readonly region: string;
}

/**
 * A token from AWS instead of a password; valid for 15 minutes, so each connection gets its own.
 *
 * @throws E_SOURCE_REFUSED if there are no credentials
 */
export async function iamToken({ host, port, user, region }: TokenLogin): Promise<string> {
  const { Signer } = await import('@aws-sdk/rds-signer');
  try {
    return await new Signer({ hostname: host, port, username: user, region }).getAuthToken();
  } catch (error) {
    throw new HoldfastError('E_SOURCE_REFUSED', `no IAM token could be made for ${user} in ${region}`, {
      cause: error,
      hint: 'Check that AWS credentials with rds-db:connect are available.',
    });
  }
}
