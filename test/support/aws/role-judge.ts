import { deploymentOf, FULL_CONFIG } from './deployment.ts';
import type { KmsRequest } from './kms-double.ts';
import { isAllowed, KEY, resourcePolicies, rolePolicies } from './policy-simulator.ts';

/** Functions of the stack of the API. */
const OF_API = ['admin-api', 'decide'];

/**
 * What functions asked of KMS, and their roles, as they are synthesised, would have been denied. Without `job` a request is another's.
 *
 * @param options.deltas as the functions were told
 */
export function deniedKmsRequests(
  requests: readonly KmsRequest[],
  { deltas }: { readonly deltas: boolean },
): string[] {
  const { pipeline, storage, api } = deploymentOf({ ...FULL_CONFIG, deltas });
  const { key } = resourcePolicies(storage);
  const asked = new Map(
    requests
      .filter(({ job }) => job !== undefined)
      .map(({ job = '', action, input: { EncryptionContext = {} } }) => {
        const { purpose = '', source = '' } = EncryptionContext;
        return [`${job}: ${action} ${purpose} ${source}`, { job, action, EncryptionContext }] as const;
      }),
  );
  return [...asked].flatMap(([name, { job, action, EncryptionContext }]) => {
    const policies = rolePolicies(OF_API.includes(job) ? api : pipeline, job);
    const context = Object.fromEntries(
      Object.entries(EncryptionContext).map(([member, value]) => [`kms:EncryptionContext:${member}`, value]),
    );
    return isAllowed(policies, key, { action: `kms:${action}`, resource: KEY, context }) ? [] : [name];
  });
}
