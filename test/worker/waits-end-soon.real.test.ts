import { cancelled, heartbeat } from '@temporalio/activity';
import { afterAll, beforeAll, expect, test } from 'vitest';
import { fault } from '../../domain/failure.js';
import { until } from '../../stack/wait.js';
import { JOB, openCases, said, type Cases } from '../support/cases.js';

let cases: Cases;
beforeAll(async () => {
  cases = await openCases();
});
afterAll(() => cases?.close());

test('a wait that a person has ended does not probe on until 80 % of its heartbeat timeout are over', async () => {
  let began = 0;
  let ended = 0;
  const { world } = await cases.outside(
    { backoff: { initial: 60_000, factor: 1, max: 60_000, jitter: 0 } },
    () => ({
      awaitReturn: async () => {
        began++;
        const beats = setInterval(() => heartbeat(), 250);
        await cancelled().finally(() => {
          clearInterval(beats);
          ended = Date.now();
        });
        return { is: 'time is up' };
      },
    }),
  );
  world.storageDown = fault('StorageUnavailable', 'connection refused', 'nn:9870');
  await cases.client.recover(JOB, { ...said, requestId: 'waits' });
  await until('it waits', () => began > 0);
  world.storageDown = null;
  const asked = Date.now();
  await cases.client.retryNow(JOB, said);
  expect(await cases.end()).toMatchObject({ outcome: 'resumed' });
  await until('the wait has ended', () => ended > 0);
  // 8 s, if nothing else was said to the worker.
  expect(ended - asked).toBeLessThan(7_000);
});
