import { type App, Validations } from 'aws-cdk-lib';
import type { CloudAssembly } from 'aws-cdk-lib/cx-api';
import { AwsSolutionsChecks } from 'cdk-nag';
import { acknowledgeMeant } from './acknowledged.ts';

/** Writes the templates, and fails if cdk-nag finds something that is not acknowledged with a reason. */
export function synthesise(app: App): CloudAssembly {
  // The first synthesis creates the names of what one stack takes from another, which identify findings.
  app.synth();
  acknowledgeMeant(app);
  Validations.of(app).addPlugins(new AwsSolutionsChecks(app));
  return app.synth({ force: true });
}
