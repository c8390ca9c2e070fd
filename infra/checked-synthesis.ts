import { type App, Validations } from 'aws-cdk-lib';
import type { CloudAssembly } from 'aws-cdk-lib/cx-api';
import { AwsSolutionsChecks } from 'cdk-nag';
import { acknowledgeMeant } from './acknowledged.ts';

/** Writes the templates, and fails where cdk-nag finds what is not acknowledged with a reason. */
export function synthesise(app: App): CloudAssembly {
  // Once before: names of what one stack takes from another, which findings are known by, are made by it.
  app.synth();
  acknowledgeMeant(app);
  Validations.of(app).addPlugins(new AwsSolutionsChecks(app));
  return app.synth({ force: true });
}
