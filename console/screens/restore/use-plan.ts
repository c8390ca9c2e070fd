import { useState } from 'preact/hooks';
import { call } from '../../api/client.ts';
import { type Failure, failureOf } from '../../api/problem.ts';
import type { BodyOf } from '../../api/types.ts';
import type { Plan } from './plan.ts';

/** The plan of a restore, requested and kept until another one is asked for. */
export function usePlan() {
  const [plan, setPlan] = useState<Plan>();
  const [failure, setFailure] = useState<Failure>();
  const [isBusy, setBusy] = useState(false);
  const forget = () => {
    setPlan(undefined);
    setFailure(undefined);
  };
  const ask = async (body: BodyOf<'restore'>): Promise<boolean> => {
    setFailure(undefined);
    setBusy(true);
    try {
      setPlan((await call('restore', { body: { ...body, dryRun: true } })) as Plan);
      return true;
    } catch (error) {
      setPlan(undefined);
      setFailure(failureOf(error));
      return false;
    } finally {
      setBusy(false);
    }
  };
  return { plan, failure, isBusy, ask, forget };
}
