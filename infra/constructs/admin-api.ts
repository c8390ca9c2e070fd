import { RemovalPolicy } from 'aws-cdk-lib';
import { AccessLogFormat } from 'aws-cdk-lib/aws-apigateway';
import {
  HttpApi,
  HttpMethod,
  HttpStage,
  type IHttpRouteAuthorizer,
  LogGroupLogDestination,
} from 'aws-cdk-lib/aws-apigatewayv2';
import { HttpIamAuthorizer, HttpJwtAuthorizer } from 'aws-cdk-lib/aws-apigatewayv2-authorizers';
import { HttpLambdaIntegration } from 'aws-cdk-lib/aws-apigatewayv2-integrations';
import { Grant, type IGrantable } from 'aws-cdk-lib/aws-iam';
import { Secret } from 'aws-cdk-lib/aws-secretsmanager';
import { Construct } from 'constructs';
import type { ApiFunctionName } from '../../shared/config/aws.ts';
import type { HoldfastConfig } from '../../shared/config/config.ts';
import { API_BASE, API_KEY_BASE } from '../../shared/core/api-names.ts';
import { API_INVOKES, apiStatements } from './api-statements.ts';
import type { BackupPipeline } from './backup-pipeline.ts';
import type { BackupStorage } from './backup-storage.ts';
import { NO_LOGINS } from './database-logins.ts';
import { deliveredLog } from './delivered-log.ts';
import { apiConfig, fipsEnvironment, functionConfig, functionEnvironment } from './function-settings.ts';
import { JobFunction } from './job-function.ts';
import { jobStatements } from './job-statements.ts';

/** What the admin API is made of. */
export interface AdminApiProps {
  readonly storage: BackupStorage;
  readonly pipeline: BackupPipeline;
  /** The configuration that the pipeline was made from; its `api.auth` says who may use the API. */
  readonly config: HoldfastConfig;

  /**
   * Folder with the functions' bundles.
   *
   * @default - the context value `holdfast:bundles`, else the package's own
   */
  readonly bundles?: string | undefined;
}

type Auth = NonNullable<BackupPipeline['config']['api']['auth']>;

const REQUESTS_PER_SECOND = 20;
const BURST = 40;
const READS = [HttpMethod.GET, HttpMethod.HEAD];
const METHODS = [...READS, HttpMethod.POST, HttpMethod.DELETE];
const SECRET_CHARS = 48;

/** The admin API: an HTTP API that checks logins, and two functions: one answers, one records decisions. */
export class AdminApi extends Construct {
  readonly httpApi: HttpApi;
  readonly #auth: Auth;
  readonly #takesKeys: boolean;
  readonly #functions: Readonly<Record<ApiFunctionName, JobFunction>>;

  constructor(scope: Construct, id: string, given: AdminApiProps) {
    super(scope, id);
    const props = { ...given, bundles: given.bundles ?? this.node.tryGetContext('holdfast:bundles') };
    const { api } = props.pipeline.config;
    this.#auth = checkAuth(api.auth);
    this.#takesKeys = api.takesKeys;
    this.#functions = this.#makeFunctions(props);
    this.httpApi = new HttpApi(this, 'Http', {
      apiName: 'holdfast-admin-api',
      description: 'Holdfast: the admin API (docs/reference/api.md)',
      createDefaultStage: false,
    });
    this.#stage(props.pipeline);
    this.#routes(api);
  }

  /** Base URL of its routes, without a slash at the end. */
  get url(): string {
    return `${this.httpApi.apiEndpoint}${API_BASE}`;
  }

  /** The same routes for API keys, without a slash at the end; undefined if `api.keys` is off. */
  get keysUrl(): string | undefined {
    return this.#takesKeys ? `${this.httpApi.apiEndpoint}${API_KEY_BASE}` : undefined;
  }

  /** A function of the API with its role and its dead letters. */
  job(name: ApiFunctionName): JobFunction {
    return this.#functions[name];
  }

  /**
   * Lets `grantee` send signed requests. `api.auth.roles` says, by ARN, what they may ask for.
   *
   * @throws if logins come from an issuer, which no policy can grant
   */
  grantUse(grantee: IGrantable): Grant {
    if (this.#auth.kind !== 'iam')
      throw new Error(`api.auth is of kind '${this.#auth.kind}'; a grant works only for kind 'iam'`);
    return Grant.addToPrincipal({
      grantee,
      actions: ['execute-api:Invoke'],
      resourceArns: [this.httpApi.arnForExecuteApi('*', `${API_BASE}/*`, '$default')],
    });
  }

  #makeFunctions({ storage, pipeline, config, bundles }: AdminApiProps) {
    const { channels, copies, lock, signing } = pipeline.config;
    const { functions = {}, logDays: logRetention } = pipeline.config.aws;
    const fips = fipsEnvironment(pipeline.config.aws);
    const place = {
      ...storage.placeFor(pipeline.config.deltas),
      lock,
      signingKeyArn: signing.kmsKey,
    };
    const decide = new JobFunction(this, 'decide', {
      job: 'decide',
      environment: { ...functionEnvironment(storage, pipeline.eventBus, functionConfig(config)), ...fips },
      statements: jobStatements('decide', {
        place,
        logins: NO_LOGINS,
        eventBusArn: pipeline.eventBus.eventBusArn,
      }),
      size: functions.decide,
      bundles,
      logRetention,
    });
    const { secretArn } = new Secret(this, 'Secret', {
      description: 'Holdfast: binds confirmations of restores to their plans',
      generateSecretString: { passwordLength: SECRET_CHARS, excludePunctuation: true },
      removalPolicy: RemovalPolicy.DESTROY,
    });
    const invoked = {
      ...Object.fromEntries(API_INVOKES.map((name) => [name, pipeline.function(name).functionArn])),
      decide: decide.function.functionArn,
      ...Object.fromEntries(
        Object.entries(pipeline.ofRows).map(([name, job]) => [name, job.function.functionArn]),
      ),
      ...(channels.length > 0 ? { watchdog: pipeline.function('watchdog').functionArn } : {}),
    };
    const { stateMachine, verification } = pipeline;
    const api = new JobFunction(this, 'admin-api', {
      job: 'admin-api',
      environment: {
        ...fips,
        ...functionEnvironment(
          storage,
          pipeline.eventBus,
          apiConfig({ ...config, lock: lock && { mode: lock.mode } }),
        ),
        HOLDFAST_STATE_MACHINE: stateMachine.stateMachineArn,
        HOLDFAST_VERIFICATION: verification.stateMachineArn,
        HOLDFAST_API_FUNCTIONS: JSON.stringify(invoked),
        HOLDFAST_API_SECRET: secretArn,
      },
      statements: apiStatements(place, {
        stateMachine,
        verification,
        functions: Object.values(invoked),
        secret: secretArn,
        copies,
      }),
      size: functions['admin-api'],
      bundles,
      logRetention,
    });
    return { 'admin-api': api, decide };
  }

  #stage({ config }: BackupPipeline): void {
    const { logDays, api = {} } = config.aws;
    const log = deliveredLog(this, 'AccessLog', { service: 'apigateway', retention: logDays });
    new HttpStage(this, 'Stage', {
      httpApi: this.httpApi,
      stageName: '$default',
      autoDeploy: true,
      throttle: {
        rateLimit: api.requestsPerSecond ?? REQUESTS_PER_SECOND,
        burstLimit: api.burst ?? BURST,
      },
      accessLogSettings: { destination: new LogGroupLogDestination(log), format: LOG_FORMAT },
    });
  }

  /** Every route is behind the login; routes that the configuration opens are separate. */
  #routes({ isHealthOpen, takesKeys, corsOrigins }: BackupPipeline['config']['api']): void {
    const integration = new HttpLambdaIntegration('Integration', this.#functions['admin-api'].function);
    const all = `${API_BASE}/{proxy+}`;
    this.httpApi.addRoutes({
      path: all,
      methods: METHODS,
      integration,
      authorizer: authorizerOf(this.#auth),
    });
    if (isHealthOpen) this.httpApi.addRoutes({ path: `${API_BASE}/health`, methods: READS, integration });
    // The gateway has one kind of login per route, and none for API keys: there only the function checks.
    if (takesKeys)
      this.httpApi.addRoutes({ path: `${API_KEY_BASE}/{proxy+}`, methods: METHODS, integration });
    // A browser asks whether it may, before it sends a login.
    if (corsOrigins.length > 0)
      this.httpApi.addRoutes({ path: all, methods: [HttpMethod.OPTIONS], integration });
  }
}

/** Who asked for what, and the response. No header, no query, no body. */
const LOG_FORMAT = AccessLogFormat.custom(
  JSON.stringify({
    requestId: '$context.requestId',
    time: '$context.requestTime',
    sourceIp: '$context.identity.sourceIp',
    userArn: '$context.identity.userArn',
    subject: '$context.authorizer.claims.sub',
    method: '$context.httpMethod',
    path: '$context.path',
    status: '$context.status',
    responseMs: '$context.responseLatency',
    gatewayError: '$context.error.message',
    integrationError: '$context.integrationErrorMessage',
  }),
);

function authorizerOf(auth: Auth): IHttpRouteAuthorizer {
  if (auth.kind === 'iam') return new HttpIamAuthorizer();
  return new HttpJwtAuthorizer('Issuer', auth.issuer, { jwtAudience: [auth.audience] });
}

/** @throws if nobody could log in */
function checkAuth(auth: Auth | undefined): Auth {
  if (!auth) throw new Error('api.auth is not set: nobody could use the admin API');
  if (auth.kind === 'oidc' && !auth.issuer.startsWith('https://'))
    throw new Error(`api.auth.issuer is '${auth.issuer}'; API Gateway only asks issuers over https`);
  return auth;
}
