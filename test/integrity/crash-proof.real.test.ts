/** Promise 7. Worker, intake and the rest may die at any moment; the case goes on where it was. On the real systems. */
import { describe, expect, test } from 'vitest';
import { JOB } from '../../demo/scene.js';
import { until } from '../../stack/index.js';
import type { HoldfastApart } from '../support/holdfast.js';
import { incident } from '../support/incident.js';

const { scene, start, status, phaseIs, loseTheJob, bringTheNameNodeBack, countsAreRight } = incident();

describe('a recovery goes on whatever dies', () => {
  test('the worker is killed while waiting and while submitting, the alert comes five times: one case, one run, right counts', async () => {
    const { worker, client, sendAlert } = await start();
    await loseTheJob();
    const at = new Date();
    for (let i = 0; i < 5; i++) expect(await sendAlert(at)).toBeLessThan(300);
    await until('an attempt has failed', async () => (await status()).failures.length > 0, { every: 100 });
    expect((await status()).alerts.filter((a) => a.alert.source === 'alertmanager')).toMatchObject([
      { count: 5 },
    ]);

    await worker.kill();
    await worker.start();
    await bringTheNameNodeBack();
    await until('a submission is on its way', async () => submitting(client), { every: 20, within: 90_000 });
    await worker.kill();
    await worker.start();

    const resumed = await phaseIs('resumed');
    const runs = (await scene().flink.jobs()).filter((j) => j.name === 'window counts');
    expect(runs.map((j) => j.state).sort()).toEqual(['FAILED', 'RUNNING']);
    expect(resumed.restored?.run).toBe(runs.find((j) => j.state === 'RUNNING')?.jid);
    expect(await client.cases({ job: JOB })).toHaveLength(1);
    await countsAreRight();
  });
});

/** Whether the case has a submission at work or behind it. */
async function submitting(client: HoldfastApart['client']): Promise<boolean> {
  const { status: now } = await client.caseOf(JOB);
  return now !== null && ['restoring', 'confirming', 'resumed'].includes(now.phase);
}
