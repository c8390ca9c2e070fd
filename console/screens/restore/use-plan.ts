import { useState } from 'preact/hooks';
import { call } from '../../api/client.ts';
import { type Failure, failureOf } from '../../api/problem.ts';
import { type Plan, planOf, type Wish } from './plan.ts';

/** The plan of a restore, requested and kept until the wish changes. */
export function usePlan() {
  const [plan, setPlan] = useState<Plan>();
  const [failure, setFailure] = useState<Failure>();
  const [isBusy, setBusy] = useState(false);
  const forget = () => {
    setPlan(undefined);
    setFailure(undefined);
  };
  const ask = async (wish: Wish): Promise<boolean> => {
    setFailure(undefined);
    setBusy(true);
    try {
      setPlan((await call('restore', { body: { ...planOf(wish), dryRun: true } })) as Plan);
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
