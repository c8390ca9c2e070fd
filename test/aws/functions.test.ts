import { afterAll, beforeAll, expect, it } from 'vitest';
import { type AwsRig, startAwsRig } from '../support/aws-rig.ts';
import { describeWithPart } from '../support/parts.ts';

describeWithPart('ceph-rgw', 'functions, from their bundles, under the runtime client', () => {
  let rig: AwsRig;
  beforeAll(async () => {
    rig = await startAwsRig();
  });
  afterAll(() => rig?.[Symbol.asyncDispose]());

  it('refuses an event with members that it does not know, by name', async () => {
    const plan = await rig.start('plan');
    await expect(
      plan.invoke({ source: 'shop', type: 'daily', execution: 'e1', tpye: 'x' }),
    ).rejects.toMatchObject({ name: 'E_USAGE', message: expect.stringContaining('tpye') });
  });
});
