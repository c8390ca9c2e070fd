import { Duration, Fn, RemovalPolicy } from 'aws-cdk-lib';
import { Certificate } from 'aws-cdk-lib/aws-certificatemanager';
import {
  AllowedMethods,
  CachePolicy,
  Distribution,
  Function as EdgeFunction,
  FunctionCode,
  FunctionEventType,
  FunctionRuntime,
  HeadersFrameOption,
  HeadersReferrerPolicy,
  HttpVersion,
  OriginRequestPolicy,
  ResponseHeadersPolicy,
  S3OriginAccessControl,
  SecurityPolicyProtocol,
  ViewerProtocolPolicy,
} from 'aws-cdk-lib/aws-cloudfront';
import { HttpOrigin, S3BucketOrigin } from 'aws-cdk-lib/aws-cloudfront-origins';
import {
  BlockPublicAccess,
  Bucket,
  BucketEncryption,
  type IBucket,
  ObjectOwnership,
} from 'aws-cdk-lib/aws-s3';
import { BucketDeployment, CacheControl, Source } from 'aws-cdk-lib/aws-s3-deployment';
import { Construct } from 'constructs';
import type { OidcSettings } from '../../shared/config/api.ts';
import type { AwsSettings } from '../../shared/config/aws.ts';
import type { AdminApi } from './admin-api.ts';
import type { BackupPipeline } from './backup-pipeline.ts';
import { consoleFolder } from './bundles.ts';
import { consoleConfig, contentSecurityPolicy } from './console-settings.ts';
import { regionalName } from './regional-name.ts';

/** What the console is made of. */
export interface AdminConsoleProps {
  readonly api: AdminApi;
  /** Its configuration says how users sign in, and `aws.console` where the console is. */
  readonly pipeline: BackupPipeline;

  /**
   * Folder with the functions' bundles; the built console is beside it.
   *
   * @default - the context value `holdfast:bundles`, else the package's own
   */
  readonly bundles?: string | undefined;
}

type Hosted = NonNullable<AwsSettings['console']>;

/** The console: files in a private bucket behind CloudFront, and the API under the same address. */
export class AdminConsole extends Construct {
  readonly distribution: Distribution;
  readonly bucket: Bucket;
  /** Register it at the issuer as redirect address. */
  readonly url: string;

  constructor(scope: Construct, id: string, { api, pipeline, bundles }: AdminConsoleProps) {
    super(scope, id);
    const { config } = pipeline;
    const auth = checkAuth(config.api.auth);
    const hosted = config.aws.console ?? {};
    this.bucket = new Bucket(this, 'Files', {
      encryption: BucketEncryption.S3_MANAGED,
      enforceSSL: true,
      minimumTLSVersion: 1.2,
      blockPublicAccess: BlockPublicAccess.BLOCK_ALL,
      objectOwnership: ObjectOwnership.BUCKET_OWNER_ENFORCED,
      removalPolicy: RemovalPolicy.DESTROY,
      // CloudFormation removes only empty buckets.
      autoDeleteObjects: true,
    });
    this.distribution = this.#distribution(api, auth, hosted);
    this.url = `https://${hosted.domainName ?? this.distribution.distributionDomainName}/`;
    this.#deploy(consoleFolder(bundles ?? this.node.tryGetContext('holdfast:bundles')), auth);
  }

  #distribution(api: AdminApi, auth: OidcSettings, hosted: Hosted): Distribution {
    const { domainName, certificate } = hosted;
    return new Distribution(this, 'Distribution', {
      comment: 'Holdfast: the console and the admin API',
      defaultRootObject: 'index.html',
      httpVersion: HttpVersion.HTTP2_AND_3,
      ...(domainName === undefined || certificate === undefined
        ? {}
        : {
            domainNames: [domainName],
            minimumProtocolVersion: SecurityPolicyProtocol.TLS_V1_2_2021,
            certificate: Certificate.fromCertificateArn(this, 'Certificate', certificate),
          }),
      defaultBehavior: {
        origin: S3BucketOrigin.withOriginAccessControl(this.bucket as IBucket, {
          originAccessControl: new S3OriginAccessControl(this, 'Access', {
            originAccessControlName: regionalName(this),
          }),
        }),
        viewerProtocolPolicy: ViewerProtocolPolicy.REDIRECT_TO_HTTPS,
        cachePolicy: CachePolicy.CACHING_OPTIMIZED,
        responseHeadersPolicy: this.#headers(auth, hosted),
        functionAssociations: [
          { function: this.#pageForPaths(), eventType: FunctionEventType.VIEWER_REQUEST },
        ],
      },
      additionalBehaviors: {
        '/api/*': {
          origin: new HttpOrigin(Fn.select(2, Fn.split('/', api.httpApi.apiEndpoint))),
          allowedMethods: AllowedMethods.ALLOW_ALL,
          // A login must never be sent in the clear, not even to be redirected.
          viewerProtocolPolicy: ViewerProtocolPolicy.HTTPS_ONLY,
          cachePolicy: CachePolicy.CACHING_DISABLED,
          originRequestPolicy: OriginRequestPolicy.ALL_VIEWER_EXCEPT_HOST_HEADER,
        },
      },
    });
  }

  #headers({ issuer }: OidcSettings, { signInOrigins }: Hosted): ResponseHeadersPolicy {
    const override = true;
    return new ResponseHeadersPolicy(this, 'Headers', {
      responseHeadersPolicyName: regionalName(this),
      comment: 'Holdfast: the console runs only its own files',
      securityHeadersBehavior: {
        contentSecurityPolicy: {
          contentSecurityPolicy: contentSecurityPolicy(issuer, signInOrigins),
          override,
        },
        contentTypeOptions: { override },
        frameOptions: { frameOption: HeadersFrameOption.DENY, override },
        referrerPolicy: { referrerPolicy: HeadersReferrerPolicy.NO_REFERRER, override },
        strictTransportSecurity: {
          accessControlMaxAge: Duration.days(365),
          includeSubdomains: true,
          override,
        },
      },
      customHeadersBehavior: {
        customHeaders: Object.entries(CUSTOM_HEADERS).map(([header, value]) => ({ header, value, override })),
      },
    });
  }

  #pageForPaths(): EdgeFunction {
    return new EdgeFunction(this, 'PageForPaths', {
      comment: 'Holdfast: a path without a file is the page',
      runtime: FunctionRuntime.JS_2_0,
      code: FunctionCode.fromInline(PAGE_FOR_PATHS),
    });
  }

  /** Files that an open page may still ask for are kept until the stack is deleted. */
  #deploy(folder: string, auth: OidcSettings): void {
    const common = { destinationBucket: this.bucket as IBucket, prune: false, retainOnDelete: false };
    const assets = new BucketDeployment(this, 'Assets', {
      ...common,
      sources: [Source.asset(folder, { exclude: ['*', '!assets', '!assets/**'] })],
      cacheControl: [CacheControl.fromString('public, max-age=31536000, immutable')],
    });
    const page = new BucketDeployment(this, 'Page', {
      ...common,
      sources: [
        Source.asset(folder, { exclude: ['assets'] }),
        Source.jsonData('config.json', consoleConfig(auth)),
      ],
      cacheControl: [CacheControl.noCache()],
    });
    page.node.addDependency(assets);
  }
}

/** The same headers as `holdfast serve`. */
const CUSTOM_HEADERS: Readonly<Record<string, string>> = {
  'cross-origin-opener-policy': 'same-origin',
  'cross-origin-resource-policy': 'same-origin',
  'permissions-policy': 'camera=(), geolocation=(), microphone=()',
};

/** In the JavaScript of CloudFront's functions. */
const PAGE_FOR_PATHS = `function handler(event) {
  var request = event.request;
  if (!/\\.[a-z0-9]+$/i.test(request.uri)) request.uri = '/index.html';
  return request;
}
`;

/** @throws if a browser could not sign in */
function checkAuth(auth: BackupPipeline['config']['api']['auth']): OidcSettings {
  if (auth?.kind === 'oidc' && auth.clientId !== undefined) return auth;
  throw new Error(
    "the console needs api.auth of kind 'oidc' with a clientId: a browser signs in at an issuer",
  );
}
