import * as z from 'zod';
import type { ApiConfig } from './api.ts';

/**
 * The request rate that API Gateway lets through for all callers together, before the API counts each one.
 */
export const ApiGatewayConfig = z.strictObject({
  requestsPerSecond: z.number().int().min(1).max(10_000).optional(),
  burst: z.number().int().min(1).max(5_000).optional(),
});

/** The console on AWS, at a CloudFront address or at one of your own. */
export const HostedConsoleConfig = z.strictObject({
  domainName: z
    .string()
    .regex(/^([a-z0-9-]+\.)+[a-z]{2,}$/, 'give a name such as backups.example.com')
    .optional(),
  /** Certificate for `domainName`. CloudFront accepts only those in us-east-1. */
  certificate: z
    .string()
    .regex(
      /^(arn:aws[a-z-]*:acm:us-east-1:\d{12}:certificate\/.+|\$\{Token\[.+\]\})$/,
      'give the ARN of an ACM certificate in us-east-1',
    )
    .optional(),
  /** Origins that signing in calls, besides the issuer's own. */
  signInOrigins: z.array(z.string().regex(/^https:\/\/[a-z0-9.-]+(:\d+)?$/, 'give https://host')).optional(),
});

interface Hosting {
  readonly api?: z.infer<typeof ApiConfig> | undefined;
  readonly aws?:
    | {
        readonly api?: z.infer<typeof ApiGatewayConfig> | undefined;
        readonly console?: z.infer<typeof HostedConsoleConfig> | undefined;
        readonly functions?:
          | Readonly<Partial<Record<string, { readonly timeoutMinutes?: number | undefined }>>>
          | undefined;
      }
    | undefined;
}

const COGNITO = /^https:\/\/cognito-idp\./;

/** Problems with the settings of a deployed API and console together. */
export function hostingProblems({ api, aws = {} }: Hosting): string[] {
  const problems: string[] = [];
  const { console: hosted, functions = {} } = aws;
  if (aws.api && !api?.auth) problems.push('aws.api needs api.auth: without it no API is deployed');
  if (functions['admin-api']?.timeoutMinutes !== undefined)
    problems.push(
      'aws.functions.admin-api.timeoutMinutes cannot be set: API Gateway waits for 30 seconds at most',
    );
  return hosted ? [...problems, ...consoleProblems(hosted, api?.auth)] : problems;
}

function consoleProblems(
  { domainName, certificate, signInOrigins = [] }: z.infer<typeof HostedConsoleConfig>,
  auth: NonNullable<Hosting['api']>['auth'],
): string[] {
  const problems: string[] = [];
  if ((domainName === undefined) !== (certificate === undefined))
    problems.push('aws.console: domainName and certificate go together; give both, or none');
  if (auth?.kind !== 'oidc')
    return [
      ...problems,
      `aws.console needs api.auth of kind 'oidc', got ${auth ? `'${auth.kind}'` : 'none'}: a browser signs in at an issuer`,
    ];
  if (auth.clientId === undefined)
    problems.push('aws.console needs api.auth.clientId: the console signs in as that client of the issuer');
  if (COGNITO.test(auth.issuer) && signInOrigins.length === 0)
    problems.push(
      "aws.console needs signInOrigins: Cognito issues tokens at the domain of the user pool, such as 'https://NAME.auth.REGION.amazoncognito.com'",
    );
  return problems;
}
