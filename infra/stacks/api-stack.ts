import { CfnOutput, Stack, type StackProps } from 'aws-cdk-lib';
import type { Construct } from 'constructs';
import { AdminApi, type AdminApiProps } from '../constructs/admin-api.ts';
import { AdminConsole } from '../constructs/admin-console.ts';

/** What the stack of the admin API is made of. */
export type ApiStackProps = StackProps & AdminApiProps;

/** The admin API, and the console if it is configured. */
export class ApiStack extends Stack {
  readonly api: AdminApi;
  readonly console: AdminConsole | undefined;

  constructor(scope: Construct, id: string, props: ApiStackProps) {
    super(scope, id, props);
    const { pipeline, bundles } = props;
    this.api = new AdminApi(this, 'Api', props);
    new CfnOutput(this, 'AdminApiUrl', { value: this.api.url });
    const { keysUrl } = this.api;
    if (keysUrl !== undefined)
      new CfnOutput(this, 'AdminApiKeysUrl', { value: keysUrl, description: 'The same, for API keys' });
    if (pipeline.config.copies.length > 0)
      new CfnOutput(this, 'ApiRoleArn', {
        value: this.api.job('admin-api').role.roleArn,
        description: 'Lists second places, to show how far they are behind',
      });
    if (!pipeline.config.aws.console) return;
    this.console = new AdminConsole(this, 'Console', { api: this.api, pipeline, bundles });
    new CfnOutput(this, 'ConsoleUrl', { value: this.console.url });
    new CfnOutput(this, 'ConsoleDomain', { value: this.console.distribution.distributionDomainName });
  }
}
