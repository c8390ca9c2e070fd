import { readFileSync } from 'node:fs';
import path from 'node:path';
import { App, Stack } from 'aws-cdk-lib';
import { Match, Template } from 'aws-cdk-lib/assertions';
import { UserPool } from 'aws-cdk-lib/aws-cognito';
import { Role, ServicePrincipal } from 'aws-cdk-lib/aws-iam';
import { describe, expect, it } from 'vitest';
import { DatabaseBackups } from '../../infra/constructs/database-backups.ts';
import type { DatabaseBackupsProps } from '../../infra/constructs/database-backups-props.ts';
import { fromGateway } from '../../lambdas/admin-api/gateway-event.ts';
import { API_ROUTES } from '../../shared/api/schema/api.ts';
import type { HoldfastConfig } from '../../shared/config/config.ts';
import { deploymentOf, FULL_CONFIG, IAM_CONFIG, newDeployment, SECRETS } from '../support/aws/deployment.ts';
import { resolved } from '../support/aws/synthesised.ts';
import { edgeOf } from '../support/console/hosted-console.ts';
import { standInBundles } from '../support/repository/stand-in-bundles.ts';

const full = deploymentOf(FULL_CONFIG);
const { api, monitoring } = full;
const iam = deploymentOf(IAM_CONFIG).api;
const bundles = standInBundles();
const properties = (template: Template, type: string) =>
  Object.values(template.findResources(type)).map(({ Properties }) => Properties);
const OIDC: Extract<NonNullable<NonNullable<HoldfastConfig['api']>['auth']>, { kind: 'oidc' }> = {
  kind: 'oidc',
  issuer: 'https://login.example.com/',
  audience: 'holdfast',
  clientId: 'console',
  roles: { viewer: ['staff'] },
};
const AWS = { 'AWS::ApiGatewayV2::Api': 1, 'AWS::CloudFront::Distribution': 1 };

function small(props: Partial<DatabaseBackupsProps> = {}) {
  const stack = new Stack(new App(), 'Small');
  const backups = new DatabaseBackups(stack, 'Backups', {
    sources: { shop: { kind: 'postgres', secret: SECRETS.source } },
    bundles,
    ...props,
  });
  return { stack, backups };
}

const counted = (template: Template) =>
  Object.fromEntries(
    Object.keys(AWS).map((type) => [type, Object.keys(template.findResources(type)).length]),
  );

describe('what is deployed', () => {
  it('has no API and no console unless the configuration says who may use it', () => {
    const { app } = newDeployment({
      ...FULL_CONFIG,
      api: { streamMiB: 1 },
      aws: { stackName: 'Shop', network: FULL_CONFIG.aws?.network },
    });
    expect(app.node.tryFindChild('ShopApi')).toBeUndefined();
    const plain = small();
    expect(counted(Template.fromStack(plain.stack))).toEqual({
      'AWS::ApiGatewayV2::Api': 0,
      'AWS::CloudFront::Distribution': 0,
    });
    expect(plain.backups.api).toBeUndefined();
    expect(() => plain.backups.grantUseApi(new ServicePrincipal('x'))).toThrow(/there is no admin API/);
  });

  it('has an API without a console where that is not asked for', () => {
    expect(counted(Template.fromStack(small({ api: { auth: OIDC } }).stack))).toEqual({
      ...AWS,
      'AWS::CloudFront::Distribution': 0,
    });
    expect(counted(Template.fromStack(small({ api: { auth: OIDC }, console: {} }).stack))).toEqual(AWS);
  });

  it.each<[string, Partial<DatabaseBackupsProps>, RegExp]>([
    [
      'an issuer that is not said',
      { api: { auth: { ...OIDC, issuer: undefined as unknown as string } } },
      /api.auth.issuer/,
    ],
    [
      'an issuer by http',
      { api: { auth: { ...OIDC, issuer: 'http://login.example.com' } } },
      /only asks issuers over https/,
    ],
    ['a console without an API', { console: {} }, /aws.console needs api.auth of kind 'oidc', got none/],
    [
      'a console behind IAM',
      { api: { auth: { kind: 'iam', roles: {} } }, console: {} },
      /needs api.auth of kind 'oidc', got 'iam'/,
    ],
    [
      'a console that is no client',
      { api: { auth: { ...OIDC, clientId: undefined } }, console: {} },
      /aws.console needs api.auth.clientId/,
    ],
    [
      'a console that cannot ask Cognito for tokens',
      {
        api: { auth: { ...OIDC, issuer: 'https://cognito-idp.eu-west-1.amazonaws.com/eu-west-1_a' } },
        console: {},
      },
      /aws.console needs signInOrigins/,
    ],
    [
      'a name without a certificate',
      { api: { auth: OIDC }, console: { domainName: 'backups.example.com' } },
      /go together/,
    ],
    [
      'a certificate of another region',
      { api: { auth: OIDC }, console: { certificate: 'arn:aws:acm:eu-west-1:111122223333:certificate/1' } },
      /ACM certificate in us-east-1/,
    ],
    ['a limit of no API', { apiThrottle: { burst: 3 } }, /aws.api needs api.auth/],
    [
      'a time that API Gateway does not wait for',
      { functionSizes: { 'admin-api': { timeoutMinutes: 5 } } },
      /waits for 30 seconds/,
    ],
    [
      'what does not fit into variables',
      { api: { auth: { ...OIDC, roles: { viewer: ['x'.repeat(2500)] } } } },
      /functions can have 2500/,
    ],
  ])('is refused: %s', (_, props, message) => {
    expect(() => small(props)).toThrow(message);
  });
});

/** What no gateway checks: the function does. */
const KEY_ROUTES = Object.fromEntries(
  ['GET', 'HEAD', 'POST', 'DELETE'].map((method) => [`${method} /api/keys/backup/{proxy+}`, 'NONE']),
);

describe('the routes', () => {
  const routes = (template: Template) =>
    Object.fromEntries(
      properties(template, 'AWS::ApiGatewayV2::Route').map((route) => [
        route.RouteKey,
        route.AuthorizationType,
      ]),
    );

  it('ask for a token of the issuer, but liveness, and what browsers ask before', () => {
    expect(routes(api)).toEqual({
      'GET /api/admin/backup/{proxy+}': 'JWT',
      'HEAD /api/admin/backup/{proxy+}': 'JWT',
      'POST /api/admin/backup/{proxy+}': 'JWT',
      'DELETE /api/admin/backup/{proxy+}': 'JWT',
      'GET /api/admin/backup/health': 'NONE',
      'HEAD /api/admin/backup/health': 'NONE',
      'OPTIONS /api/admin/backup/{proxy+}': 'NONE',
      ...KEY_ROUTES,
    });
    expect(properties(api, 'AWS::ApiGatewayV2::Authorizer')).toEqual([
      expect.objectContaining({
        AuthorizerType: 'JWT',
        IdentitySource: ['$request.header.Authorization'],
        JwtConfiguration: {
          Audience: ['client-of-console'],
          Issuer: 'https://cognito-idp.eu-west-1.amazonaws.com/eu-west-1_abc',
        },
      }),
    ]);
  });

  it('ask for a signature, all of them where health is closed and API keys are off', () => {
    expect(routes(iam)).toMatchObject(KEY_ROUTES);
    expect(Object.keys(routes(iam)).length).toBe(8);
    const auth = { kind: 'iam', roles: {} } as const;
    const { stack } = small({ api: { auth, health: 'closed', keys: 'off' } });
    const closed = Template.fromStack(stack);
    expect(Object.values(routes(closed))).toEqual(Array(4).fill('AWS_IAM'));
    expect(closed.findResources('AWS::ApiGatewayV2::Authorizer')).toEqual({});
  });

  it('for API keys lie at a path of their own, where the function takes nothing else', () => {
    const at = (rawPath: string) =>
      fromGateway({
        version: '2.0',
        rawPath,
        rawQueryString: '',
        headers: {},
        requestContext: { http: { method: 'GET', sourceIp: '192.0.2.1' }, stage: '$default' },
      } as unknown as Parameters<typeof fromGateway>[0]);
    const [path = ''] = Object.keys(KEY_ROUTES);
    const { request, context } = at(path.replace('GET ', '').replace('{proxy+}', 'runs/x'));
    expect([new URL(request.url).pathname, context]).toMatchObject([
      '/api/admin/backup/runs/x',
      { takesKeysAlone: true },
    ]);
    expect(at('/api/admin/backup/runs/x').context.takesKeysAlone).toBe(false);
    // The gateway has let it through without a login, wherever the path leads then.
    for (const up of ['../..', '%2e%2e/%2E%2E', '..//..'])
      expect(at(`/api/keys/backup/${up}/admin/backup/runs/x`).context.takesKeysAlone).toBe(true);
  });

  it('answer no preflight where no page of another origin may call', () => {
    expect(Object.keys(routes(Template.fromStack(small({ api: { auth: OIDC } }).stack)))).not.toContain(
      'OPTIONS /api/admin/backup/{proxy+}',
    );
  });

  it('have every method of the API', () => {
    const known = Object.values(API_ROUTES).map(({ method }) => method);
    for (const base of ['admin', 'keys']) {
      const keys = Object.keys(routes(iam)).filter((key) => key.endsWith(`/api/${base}/backup/{proxy+}`));
      const methods = keys.map((key) => key.split(' ')[0]);
      expect(methods.sort()).toEqual([...new Set(['HEAD', ...known])].sort());
    }
  });

  it('are limited, and logged without headers, queries and bodies', () => {
    const [stage] = properties(api, 'AWS::ApiGatewayV2::Stage');
    expect(stage).toMatchObject({
      StageName: '$default',
      AutoDeploy: true,
      DefaultRouteSettings: { ThrottlingRateLimit: 5, ThrottlingBurstLimit: 7 },
    });
    expect(Object.keys(JSON.parse(stage.AccessLogSettings.Format))).toContain('requestId');
    expect(stage.AccessLogSettings.Format).not.toMatch(/header|query|body|\.token/i);
    iam.hasResourceProperties('AWS::ApiGatewayV2::Stage', { AccessLogSettings: Match.anyValue() });
  });
});

describe('the functions', () => {
  const named = (name: string) =>
    properties(api, 'AWS::Lambda::Function').find(
      ({ Environment }) => Environment.Variables.POWERTOOLS_SERVICE_NAME === name,
    );

  it('answer before API Gateway stops waiting, outside of the network of the databases', () => {
    expect(named('admin-api')).toMatchObject({
      Runtime: 'nodejs24.x',
      Timeout: 29,
      MemorySize: 1024,
      ReservedConcurrentExecutions: 9,
    });
    for (const name of ['admin-api', 'decide']) expect(named(name)).not.toHaveProperty('VpcConfig');
  });

  it('are told what they need: who may ask is told to the API alone, and no secret to anybody', () => {
    const { Variables } = resolved(named('admin-api')?.Environment) as {
      Variables: Record<string, string>;
    };
    const config = JSON.parse(Variables['HOLDFAST_CONFIG']!) as HoldfastConfig;
    expect(config.api?.auth).toEqual(FULL_CONFIG.api?.auth);
    expect(Object.keys(config)).toEqual([
      'sources',
      'targets',
      'schedules',
      'retention',
      'lock',
      'copy',
      'api',
    ]);
    expect(Object.keys(JSON.parse(Variables['HOLDFAST_API_FUNCTIONS']!))).toEqual([
      'drill',
      'restore',
      'export',
      'decide',
      'look',
      'put-back',
    ]);
    expect(JSON.parse(named('decide')?.Environment.Variables.HOLDFAST_CONFIG)).not.toHaveProperty('api');
    const [secret] = properties(api, 'AWS::SecretsManager::Secret');
    expect(secret.GenerateSecretString.PasswordLength).toBeGreaterThanOrEqual(32);
    expect(secret).not.toHaveProperty('SecretString');
  });
});

describe('the console', () => {
  const [distribution] = properties(api, 'AWS::CloudFront::Distribution');
  const { DistributionConfig } = distribution;
  const deployments = properties(api, 'Custom::CDKBucketDeployment');

  it('is files that CloudFront alone may read', () => {
    const [bucket] = properties(api, 'AWS::S3::Bucket');
    expect(bucket.PublicAccessBlockConfiguration).toEqual({
      BlockPublicAcls: true,
      BlockPublicPolicy: true,
      IgnorePublicAcls: true,
      RestrictPublicBuckets: true,
    });
    api.hasResourceProperties('AWS::S3::BucketPolicy', {
      PolicyDocument: Match.objectLike({
        Statement: Match.arrayWith([
          Match.objectLike({
            Action: 's3:GetObject',
            Effect: 'Allow',
            Principal: { Service: 'cloudfront.amazonaws.com' },
            Condition: { StringEquals: { 'AWS:SourceArn': Match.anyValue() } },
          }),
        ]),
      }),
    });
    api.hasResourceProperties('AWS::CloudFront::OriginAccessControl', {
      OriginAccessControlConfig: Match.objectLike({ SigningBehavior: 'always' }),
    });
  });

  it('is at the name that is yours by TLS 1.2, and the API below it, never kept', () => {
    expect(DistributionConfig).toMatchObject({
      Aliases: ['backups.example.com'],
      ViewerCertificate: { MinimumProtocolVersion: 'TLSv1.2_2021', SslSupportMethod: 'sni-only' },
      DefaultRootObject: 'index.html',
    });
    expect(DistributionConfig.CacheBehaviors).toEqual([
      expect.objectContaining({
        PathPattern: '/api/*',
        ViewerProtocolPolicy: 'https-only',
        // Managed by AWS: CachingDisabled, AllViewerExceptHostHeader.
        CachePolicyId: '4135ea2d-6df8-44a3-9df3-4b5a84be39ad',
        OriginRequestPolicyId: 'b689b0a8-53d0-40ab-baf2-68738e2966ac',
      }),
    ]);
    expect(DistributionConfig).not.toHaveProperty('CustomErrorResponses');
    const [, gateway] = DistributionConfig.Origins;
    expect(gateway.CustomOriginConfig).toMatchObject({
      OriginProtocolPolicy: 'https-only',
      OriginSSLProtocols: ['TLSv1.2'],
    });
  });

  it('runs nothing but its own files, and calls nobody but the API and the issuer', () => {
    const [headers] = properties(api, 'AWS::CloudFront::ResponseHeadersPolicy');
    const { SecurityHeadersConfig } = headers.ResponseHeadersPolicyConfig;
    const { ContentSecurityPolicy } = SecurityHeadersConfig.ContentSecurityPolicy;
    expect(ContentSecurityPolicy).toContain(
      "connect-src 'self' https://cognito-idp.eu-west-1.amazonaws.com https://shop.auth.eu-west-1.amazoncognito.com;",
    );
    expect(ContentSecurityPolicy).toContain("default-src 'none'");
    expect(ContentSecurityPolicy).not.toMatch(/unsafe|\*/);
    expect(SecurityHeadersConfig.FrameOptions).toMatchObject({ FrameOption: 'DENY' });
  });

  it('is told where the API is and how one signs in', () => {
    const outdir = full.app.outdir;
    const [page] = deployments.filter(({ SourceObjectKeys }) => SourceObjectKeys.length === 2);
    const folder = path.join(outdir, `asset.${page.SourceObjectKeys[1].replace('.zip', '')}`);
    expect(JSON.parse(readFileSync(path.join(folder, 'config.json'), 'utf8'))).toEqual({
      apiBase: '/api/admin/backup',
      auth: {
        kind: 'oidc',
        issuer: 'https://cognito-idp.eu-west-1.amazonaws.com/eu-west-1_abc',
        clientId: 'client-of-console',
        scope: 'openid',
        audience: null,
      },
    });
    expect(page.SystemMetadata).toEqual({ 'cache-control': 'no-cache' });
    expect(deployments).toHaveLength(2);
  });

  it('shows its page for a path without a file', () => {
    const { fileOf } = edgeOf(api);
    expect(['/', '/backups', '/assets/a.js', '/config.json'].map(fileOf)).toEqual([
      '/index.html',
      '/index.html',
      '/assets/a.js',
      '/config.json',
    ]);
  });

  it('takes what Cognito is known by only when it is deployed', () => {
    const stack = new Stack(new App(), 'Cognito', { env: { account: '111122223333', region: 'eu-west-1' } });
    const pool = new UserPool(stack, 'Users');
    const { userPoolClientId: clientId } = pool.addClient('Console');
    const { console: made } = new DatabaseBackups(stack, 'Backups', {
      sources: { shop: { kind: 'postgres', secret: SECRETS.source } },
      bundles,
      api: {
        auth: {
          ...OIDC,
          issuer: `https://cognito-idp.eu-west-1.amazonaws.com/${pool.userPoolId}`,
          audience: clientId,
          clientId,
        },
      },
      console: { signInOrigins: ['https://shop.auth.eu-west-1.amazoncognito.com'] },
    });
    const template = Template.fromStack(stack);
    template.hasResourceProperties('AWS::ApiGatewayV2::Authorizer', {
      JwtConfiguration: { Audience: [{ Ref: Match.stringLikeRegexp('^UsersConsole') }] },
    });
    template.hasResourceProperties('Custom::CDKBucketDeployment', { SourceMarkers: Match.anyValue() });
    expect(stack.resolve(made?.url)).toBeDefined();
  });
});

describe('those who use it', () => {
  it('are alarmed where it fails', () => {
    const alarms = properties(monitoring, 'AWS::CloudWatch::Alarm');
    expect(alarms.find(({ MetricName }) => MetricName === '5xx')).toMatchObject({
      Namespace: 'AWS/ApiGateway',
      Threshold: 0,
      AlarmActions: [expect.anything()],
    });
  });

  it('may send signed requests to it, and to nothing else, once they are granted that', () => {
    const { stack, backups } = small({ api: { auth: { kind: 'iam', roles: { viewer: ['arn:*'] } } } });
    backups.grantUseApi(new Role(stack, 'Ana', { assumedBy: new ServicePrincipal('ec2.amazonaws.com') }));
    Template.fromStack(stack).hasResourceProperties('AWS::IAM::Policy', {
      PolicyName: Match.stringLikeRegexp('^Ana'),
      PolicyDocument: Match.objectLike({
        Statement: [
          {
            Effect: 'Allow',
            Action: 'execute-api:Invoke',
            Resource: {
              'Fn::Join': ['', Match.arrayWith([Match.stringLikeRegexp('default/\\*/api/admin/backup/')])],
            },
          },
        ],
      }),
    });
    const oidc = small({ api: { auth: OIDC } }).backups;
    expect(() => oidc.grantUseApi(new ServicePrincipal('x'))).toThrow(/only for kind 'iam'/);
  });
});
