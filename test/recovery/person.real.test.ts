/** A person acts on Flink while a case is open, or at the same moment. On the real systems. */
import { describe, expect, test } from 'vitest';
import { until } from '../../stack/index.js';
import { JOB, trials, type Trial } from '../support/trial.js';

const { stack, flink, trial } = trials();

const newestOf = async (it: Trial): Promise<string> =>
  (await it.flink.checkpoints(it.run)).newest?.path ?? 'none';
const SUBMISSION = /POST \/jars\/[^ ]+\/run/;
const person = { by: 'a person', reason: 'by hand' };
const running = async (it: Trial): Promise<number> =>
  (await it.states()).filter((state) => state === 'RUNNING').length;

describe('a person ends the job', () => {
  test('cancels it while the case watches Flink restart it: recorded, never restored', async () => {
    const it = await trial({
      flinkConfiguration: {
        'restart-strategy.type': 'fixed-delay',
        'restart-strategy.fixed-delay.attempts': '1000',
        'restart-strategy.fixed-delay.delay': '1 s',
      },
    });
    await stack().server('taskmanager').kill();
    await it.alert();
    await it.phaseIs('watching');
    await flink().cancel(it.run);
    expect(await it.ended()).toMatchObject({ outcome: 'ended by a person', restored: null });
    expect(await it.states()).toEqual(['CANCELED']);
  });

  test('cancels the restored run while it is being proved: nothing more is submitted', async () => {
    const it = await trial();
    await it.lose();
    await it.alert();
    const { restored } = await it.phaseIs('confirming');
    await flink().cancel(restored?.run ?? '');
    const now = await until('the case stops', async () => {
      const { status, end } = await it.client.caseOf(JOB);
      return end !== null || status?.phase === 'asking' || status?.phase === 'aborted' ? { end } : undefined;
    });
    expect(now.end?.outcome).toBe('ended by a person');
    expect(await it.states()).toEqual(['CANCELED', 'FAILED']);
  });

  test('stops it with a savepoint: finished on purpose, never restored', async () => {
    const it = await trial();
    const answer = await fetch(`${flink().base}/jobs/${it.run}/stop`, {
      method: 'POST',
      headers: { 'content-type': 'application/json' },
      body: '{}',
    });
    expect(answer.status).toBe(202);
    await flink().reaches(it.run, 'FINISHED');
    await it.alert();
    expect(await it.ended()).toMatchObject({ outcome: 'ended by a person', restored: null });
    expect(await it.states()).toEqual(['FINISHED']);
  });
});

describe('a person starts the job by hand', () => {
  test('from the newest checkpoint, while the case waits for HDFS: left alone, nothing is submitted', async () => {
    const it = await trial({ through: ['webhdfs'] });
    await it.proxy.webhdfs.set({ is: 'refuse' });
    await it.lose();
    await it.alert();
    await it.failedWith('StorageUnavailable');
    const byHand = await it.submit({ savepointPath: await newestOf(it) });
    await flink().checkpointed(byHand, 1);
    expect(await it.ended()).toMatchObject({ outcome: 'healthy', restored: null });
    expect(await it.states()).toEqual(['FAILED', 'RUNNING']);
    await it.countsAreRight();
  });

  test('while the submission of Holdfast is lost on its way: the one by hand stays, no second one follows', async () => {
    const it = await trial({ through: ['flink'] });
    await it.lose();
    const point = await newestOf(it);
    await it.proxy.flink.set({ is: 'hang' }, SUBMISSION);
    await it.alert();
    await until('the submission is on its way', () =>
      it.proxy.flink.received().some((text) => SUBMISSION.test(text)),
    );
    const byHand = await it.submit({ savepointPath: point });
    await flink().checkpointed(byHand, 1);
    await it.proxy.flink.set({ is: 'refuse' });
    await it.failedWith('SubmitInDoubt', 'FlinkUnavailable');
    await it.proxy.flink.set({ is: 'none' });
    expect(await it.ended()).toMatchObject({ outcome: 'healthy', restored: null });
    expect(await it.states()).toEqual(['FAILED', 'RUNNING']);
    await it.countsAreRight();
  });

  test('at the same moment, so that both start: never taken for recovered; asked; healthy when one is cancelled', async () => {
    const it = await trial({ through: ['flink'], policy: { confirm: { checkpointWithin: '4s' } } });
    await it.lose();
    const point = await newestOf(it);
    await it.proxy.flink.set({ is: 'hold' }, SUBMISSION);
    await it.alert();
    await until('the submission is on its way', () =>
      it.proxy.flink.received().some((text) => SUBMISSION.test(text)),
    );
    const byHand = await it.submit({ savepointPath: point });
    await flink().running(byHand);
    await it.proxy.flink.set({ is: 'none' });
    await until('both run', async () => (await running(it)) === 2);
    const asking = await it.phaseIs('asking');
    expect(asking.because).toMatchObject({ code: 'TwinRunning' });
    await flink().cancel(byHand);
    await flink().reaches(byHand, 'CANCELED');
    await it.client.retryNow(JOB, person);
    await it.phaseIs('resumed');
    expect(await running(it)).toBe(1);
    await it.countsAreRight();
  });

  test('from nothing: named blank, never taken for the truth, nothing is stopped without a person', async () => {
    const it = await trial({ through: ['webhdfs'] });
    await it.proxy.webhdfs.set({ is: 'refuse' });
    await it.lose();
    await it.alert();
    await it.failedWith('StorageUnavailable');
    const blank = await it.submit();
    await flink().checkpointed(blank, 1);
    const asking = await it.phaseIs('asking');
    expect(asking.situation?.is).toBe('blank');
    expect(asking.question?.about).toBe('blank run');
    expect(await it.states()).toEqual(['FAILED', 'RUNNING']);
  });
});
