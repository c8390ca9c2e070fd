import { App, type AppProps, PermissionsBoundary } from 'aws-cdk-lib';
import { type HoldfastConfig, resolveConfig } from '../shared/config/config.ts';
import { readConfigEnv } from '../shared/config/environment.ts';
import { ApiStack } from './stacks/api-stack.ts';
import { MonitoringStack } from './stacks/monitoring-stack.ts';
import { PipelineStack } from './stacks/pipeline-stack.ts';
import { StorageStack } from './stacks/storage-stack.ts';

/** What an app is made of: a configuration, and the environment above it. */
export interface HoldfastAppInput {
  /** The content of the configuration file. */
  readonly file: unknown;
  readonly fileName: string;
  readonly env: Readonly<Record<string, string | undefined>>;
  /** @default - those of the package */
  readonly bundles?: string | undefined;
  readonly appProps?: AppProps;
}

/** The whole deployment as a CDK app. @throws E_CONFIG */
export function holdfastApp({ file, fileName, env, bundles, appProps }: HoldfastAppInput): App {
  const config = resolveConfig({ file, fileName, env, flags: {} });
  const { stackName, account, region, permissionsBoundary, notifications = {} } = config.aws;
  const app = new App(appProps);
  const stackEnv = {
    ...(account === undefined ? {} : { account }),
    ...(region === undefined ? {} : { region }),
  };
  const props = {
    env: stackEnv,
    tags: { application: 'holdfast' },
    ...(permissionsBoundary === undefined ? {} : { permissionsBoundary: boundaryOf(permissionsBoundary) }),
  };
  const { storage } = new StorageStack(app, `${stackName}Storage`, { ...props, config });
  const deployed = { storage, bundles, config: withEnvironment(file as HoldfastConfig, env) };
  const { pipeline } = new PipelineStack(app, `${stackName}Pipeline`, {
    ...props,
    ...deployed,
    enabled: config.isEnabled,
  });
  const { api } = config.api.auth
    ? new ApiStack(app, `${stackName}Api`, { ...props, ...deployed, pipeline })
    : { api: undefined };
  new MonitoringStack(app, `${stackName}Monitoring`, {
    ...props,
    storage,
    pipeline,
    api,
    alertEmails: notifications.emails,
    webhook: notifications.webhook,
  });
  return app;
}

function boundaryOf(policy: string): PermissionsBoundary {
  return policy.startsWith('arn:')
    ? PermissionsBoundary.fromArn(policy)
    : PermissionsBoundary.fromName(policy);
}

/** Functions do not have the deployer's environment: its settings go into the configuration. */
function withEnvironment(file: HoldfastConfig | undefined, env: HoldfastAppInput['env']): HoldfastConfig {
  const { schedules, retention, compressionLevel } = readConfigEnv(env, []);
  const { compression, ...others } = file ?? {};
  return {
    ...others,
    ...(compression === undefined || compressionLevel !== undefined ? {} : { compression }),
    schedules: { ...others.schedules, ...schedules },
    retention: { ...others.retention, ...retention },
    ...(compressionLevel === undefined ? {} : { compressionLevel }),
  };
}
