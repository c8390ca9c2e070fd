import { hasRole, type Role } from '../../shared/core/api-names.ts';
import { call } from './client.ts';
import { type Resource, resource, useResource } from './resource.ts';
import type { AnswerOf } from './types.ts';

/** What `GET /status` answers. */
export type Status = AnswerOf<'status'>;
/** What it says of one source. */
export type SourceState = Status['sources'][number];

const PACE_MS = 120_000;
const load = () => call('status');

/** The status, fetched again every two minutes. */
export function useStatus(): Resource<Status> {
  return useResource('status', load, () => PACE_MS);
}

/** What is known of it now; a component that reads it is drawn again when that changes. */
export function currentStatus(): Status | undefined {
  return resource('status', load).value.value;
}

/** Asks again after something changed it. */
export function refreshStatus(): void {
  void resource('status', load).refresh();
}

/** Why the caller may not do what needs `role`; undefined if they may. */
export function useRefusal(role: Role): string | undefined {
  const caller = useStatus().value.value?.caller;
  if (!caller) return 'Loading your permissions…';
  if (hasRole(caller.roles, role)) return undefined;
  const roles = caller.roles.length > 0 ? caller.roles.join(' and ') : 'no role';
  return `This needs the role ${role}; you have ${roles}.`;
}
