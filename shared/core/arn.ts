import * as z from 'zod';

/** In a CDK app, what stands for a value until it is deployed. */
export const TOKEN = String.raw`\$\{Token\[[^\]]+\]\}`;

/** Of services and what is in them, by name; each part of it may be known when it is deployed, and so may be all of it. */
export function arnOf(resources: Readonly<Record<string, string>>): RegExp {
  const known = Object.entries(resources).map(
    ([service, resource]) => `${service}:(?:[a-z0-9-]+|${TOKEN}):(?:\\d{12}|${TOKEN}):${resource}.+`,
  );
  return new RegExp(`^(?:arn:(?:aws[a-z-]*|${TOKEN}):(?:${known.join('|')})|${TOKEN})$`);
}

/** ARN of a Secrets Manager secret, or of a parameter of Parameter Store. */
export const SecretArn = z
  .string()
  .regex(
    arnOf({ secretsmanager: 'secret:', ssm: 'parameter/' }),
    'give the ARN of a Secrets Manager secret or of an SSM parameter',
  );
