import type { JsonObject } from '../../../core/json.ts';
import type { BackupContents } from '../../contents.ts';
import { ETAGS_DATASET, storedDataset } from '../reading/datasets.ts';
import type { EtagTrust, InheritedTrust } from './etag-trust.ts';

/** What a backup says of ETags: nothing of that needs to be shown again by the next. */
export function inheritedTrust(parent: BackupContents | undefined): InheritedTrust {
  const attributes = storedDataset(parent, ETAGS_DATASET)?.attributes;
  const shown = attributes?.['shown'];
  return {
    proof: typeof shown === 'string' ? { content: true, priorities: shown === 'priorities' } : undefined,
    // One that says nothing of it may hold some.
    hasPriorities: attributes !== undefined && attributes['hasPriorities'] !== false,
  };
}

/** @param tookUnread whether data of the parent is in the backup that this run has not seen */
export function keptTrust(trust: EtagTrust, tookUnread: boolean): JsonObject {
  const { proof, sawPriorities, hasPriorities } = trust;
  return {
    ...(proof === undefined ? {} : { shown: proof.priorities ? 'priorities' : 'content' }),
    hasPriorities: tookUnread ? hasPriorities : sawPriorities,
  };
}
