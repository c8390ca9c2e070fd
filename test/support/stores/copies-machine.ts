import { App, Stack } from 'aws-cdk-lib';
import { EventBus } from 'aws-cdk-lib/aws-events';
import { BackupCopies } from '../../../infra/constructs/backup-copies.ts';
import { JobFunction } from '../../../infra/constructs/job-function.ts';
import { stateMachineOf } from '../aws/synthesised.ts';
import { standInBundles } from '../repository/stand-in-bundles.ts';

/** The state machine of copies, as the stacks have it. */
export function copiesMachine() {
  const stack = new Stack(new App(), 'Test');
  const job = new JobFunction(stack, 'copy', {
    job: 'copy',
    environment: {},
    statements: [],
    bundles: standInBundles(),
  });
  new BackupCopies(stack, 'Copies', { job, eventBus: EventBus.fromEventBusName(stack, 'Bus', 'default') });
  return stateMachineOf(stack);
}
