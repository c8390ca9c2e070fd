import * as z from 'zod';
import type { ApiConfig } from './api.ts';

/** What API Gateway lets through, of all callers together, before the API counts each of them. */
export const ApiGatewayConfig = z.strictObject({
  requestsPerSecond: z.number().int().min(1).max(10_000).optional(),
  burst: z.number().int().min(1).max(5_000).optional(),
});

/** The console on AWS, at an address of CloudFront or at one of yours. */
export const HostedConsoleConfig = z.strictObject({
  domainName: z
    .string()
    .regex(/^([a-z0-9-]+\.)+[a-z]{2,}$/, 'wanted is a name such as backups.example.com')
    .optional(),
  /** Of `domainName`. CloudFront takes those of us-east-1 alone. */
  certificate: z
    .string()
    .regex(
      /^(arn:aws[a-z-]*:acm:us-east-1:\d{12}:certificate\/.+|\$\{Token\[.+\]\})$/,
      'wanted is the ARN of a certificate of ACM in us-east-1',
    )
    .optional(),
  /** Origins that signing in calls, besides the issuer's own. */
  signInOrigins: z
    .array(z.string().regex(/^https:\/\/[a-z0-9.-]+(:\d+)?$/, 'wanted is https://host'))
    .optional(),
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

/** What is wrong with the settings of a deployed API and console together. */
export function hostingProblems({ api, aws = {} }: Hosting): string[] {
  const problems: string[] = [];
  const { console: hosted, functions = {} } = aws;
  if (aws.api && !api?.auth) problems.push('aws.api needs api.auth: without, no API is deployed');
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
    problems.push('aws.console needs api.auth.clientId: the client of the issuer that the console is');
  if (COGNITO.test(auth.issuer) && signInOrigins.length === 0)
    problems.push(
      "aws.console needs signInOrigins: Cognito gives tokens at the domain of the user pool, such as 'https://NAME.auth.REGION.amazoncognito.com'",
    );
  return problems;
}
