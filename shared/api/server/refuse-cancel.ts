import { hasRole, roleToCancel } from '../../core/api-names.ts';
import type { ApiRun } from '../schema/runs.ts';
import { ApiError } from './api-error.ts';
import type { Caller } from './caller.ts';

/** @throws E_FORBIDDEN for somebody who may not start such a run, E_BAD_REQUEST for one that has ended */
export function refuseCancel({ kind, state }: ApiRun, { roles }: Caller): void {
  const role = roleToCancel(kind);
  if (!hasRole(roles, role))
    throw new ApiError('E_FORBIDDEN', `cancelling a run of kind ${kind} needs the role ${role}`, {
      hint: `Your roles: ${roles.join(', ') || 'none'}.`,
    });
  if (state !== 'running')
    throw new ApiError('E_BAD_REQUEST', `the run has already ended: it ${OVER[state]}`, { status: 409 });
}

const OVER = {
  succeeded: 'succeeded',
  failed: 'failed',
  cancelled: 'was cancelled',
  stopped: 'stopped',
} as const;
