import { once } from 'node:events';
import { setTimeout as delay } from 'node:timers/promises';
import { pathToFileURL } from 'node:url';
import { Worker } from 'node:worker_threads';
import { expect, it, onTestFinished } from 'vitest';
import { raise } from '../../../../../shared/sources/postgres/pg-dump/answer-flag.ts';

const MODULE = pathToFileURL('shared/sources/postgres/pg-dump/answer-flag.ts').href;
const WAITER = `
  import { parentPort, workerData } from 'node:worker_threads';
  import { awaitRaised } from ${JSON.stringify(MODULE)};
  for (let answers = 1; answers <= 2; answers++) {
    parentPort.postMessage('waits');
    awaitRaised(workerData);
    parentPort.postMessage(answers);
  }`;

it('is not taken for up by a call that comes late, for the answer before', async () => {
  const flag = new Int32Array(new SharedArrayBuffer(4));
  const url = new URL(`data:text/javascript,${encodeURIComponent(WAITER)}`);
  const worker = new Worker(url, { workerData: flag });
  onTestFinished(async () => {
    await worker.terminate();
  });
  const said: unknown[] = [];
  worker.on('message', (message) => said.push(message));
  for (const answer of [1, 2]) {
    while (said.at(-1) !== 'waits') await once(worker, 'message');
    // As from a thread that was held up between the two halves of `raise`.
    while (Atomics.notify(flag, 0) === 0) await delay(1);
    await delay(20);
    expect(said).not.toContain(answer);
    raise(flag);
    while (!said.includes(answer)) await once(worker, 'message');
  }
  expect(Atomics.load(flag, 0)).toBe(0);
});
