/**
 * Promise 4. With `attempts: N` the N-th failed attempt is the last. On the real systems; through crashes, deploys, aborts
 * and alerts in every step: `test/workflows/exactly-n.real.test.ts`.
 */
import { describe, expect, test } from 'vitest';
import { JOB, TOPICS } from '../../demo/scene.js';
import { committedOffsets, until } from '../../stack/index.js';
import { incident } from '../support/incident.js';

const { scene, start, status, phaseIs, loseTheJob, bringTheNameNodeBack, countsAreRight } = incident();

describe('the NameNode stays away for longer than all attempts', () => {
  test('aborts after exactly three, changes nothing, starts nothing on a new alert, and resumes when told to', async () => {
    const { client, sendAlert, run } = await start({ attempts: 3, backoff: { initial: '1s', factor: 1 } });
    await loseTheJob();
    const broker = scene().stack.endpoints.kafka ?? '';
    const seen = async () => ({
      jobs: (await scene().flink.jobs()).map((j) => `${j.jid} ${j.state}`).sort(),
      offsets: [...(await committedOffsets(broker, 'window-counts', TOPICS.in))].sort(),
    });
    const before = await seen();
    await sendAlert(new Date());
    const aborted = await phaseIs('aborted');
    expect(aborted.failures.map((f) => f.attempt)).toEqual([1, 2, 3]);
    expect(aborted.because?.code).toBe('AttemptsExhausted');
    expect(aborted.failures.map((f) => f.fault.code)).toEqual(Array(3).fill('StorageUnavailable'));
    expect(await seen()).toEqual(before);

    const heard = aborted.alertsHeard;
    expect(await sendAlert(new Date(Date.now() + 1_000))).toBeLessThan(300);
    await until('the alert joined the case', async () => (await status()).alertsHeard > heard);
    expect(await status()).toMatchObject({ phase: 'aborted', attempt: 3 });
    expect((await status()).failures).toHaveLength(3);
    expect(await client.cases({ job: JOB })).toHaveLength(1);
    expect(await seen()).toEqual(before);

    const shown = await run('status', JOB);
    expect(shown.out).toContain('holdfast resume');
    await bringTheNameNodeBack();
    expect(await seen()).toEqual(before);
    expect(await run('resume', JOB, '--reason', 'the NameNode is back')).toMatchObject({ code: 0 });
    const resumed = await phaseIs('resumed');
    expect(resumed.failures).toHaveLength(3);
    await countsAreRight();
  });
});
