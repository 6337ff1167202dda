/** The Temporal server and the intake die by SIGKILL; Temporal keeps its data in a file. On the real systems. */
import { describe, expect, test } from 'vitest';
import { join } from 'node:path';
import { until } from '../../stack/index.js';
import { root } from '../../stack/root.js';
import { JOB, trials, type Trial } from '../support/trial.js';

const { stack, flink, trial } = trials({ durable: true });

const SUBMISSION = /POST \/jars\/[^ ]+\/run/;
const newestOf = async (it: Trial): Promise<string> =>
  (await it.flink.checkpoints(it.run)).newest?.path ?? 'none';

async function temporalDies(meanwhile: () => Promise<unknown> = () => Promise.resolve()): Promise<void> {
  const temporal = stack().server('temporal');
  await temporal.kill();
  await meanwhile();
  await temporal.start();
}

describe('the Temporal server is killed and started again', () => {
  test('while the case waits: the same case goes on with the same count', async () => {
    const it = await trial({ through: ['webhdfs'] });
    await it.proxy.webhdfs.set({ is: 'refuse' });
    await it.lose();
    await it.alert();
    const before = await it.failedWith('StorageUnavailable');
    await temporalDies();
    await it.proxy.webhdfs.set({ is: 'none' });
    const resumed = await it.resumedFrom(await newestOf(it));
    expect(resumed.openedAt).toBe(before.openedAt);
    expect(resumed.failures.slice(0, before.failures.length)).toEqual(before.failures);
    await it.oneCase();
  });

  test('while Flink has the submission: its answer reaches nobody; the run is found by its id, one run', async () => {
    const it = await trial({ through: ['flink'] });
    await it.lose();
    await it.proxy.flink.set({ is: 'hold' }, SUBMISSION);
    await it.alert();
    await until('the submission is on its way', () =>
      it.proxy.flink.received().some((text) => SUBMISSION.test(text)),
    );
    await temporalDies(async () => {
      await it.proxy.flink.set({ is: 'none' });
      await until('Flink has taken it', async () => (await it.states()).length === 2);
    });
    await it.resumedFrom(await newestOf(it));
    await it.oneCase();
  });

  test('while the restore is being proved: proved once, one run', async () => {
    const it = await trial();
    await it.lose();
    await it.alert();
    await it.phaseIs('confirming');
    await temporalDies();
    await it.resumedFrom(await newestOf(it));
    await it.oneCase();
  });
});

describe('alerts while nobody can take them', () => {
  test('Temporal is away: the sender is told to repeat; the repeated alert opens the one case. Also when the intake dies', async () => {
    const port = await stack().port();
    const it = await trial({ configure: (config) => (config['intake'] = { port }) });
    const intake = stack().addServer({
      name: 'intake',
      command: process.execPath,
      args: () => [join(root, 'dist', 'cli', 'main.js'), 'serve', '--config', it.config],
      env: { PATH: process.env['PATH'] ?? '', HOME: stack().folder },
      ready: async () =>
        (await fetch(`http://127.0.0.1:${port}/healthz`, { signal: AbortSignal.timeout(1_000) })).ok,
    });
    await intake.start();
    const at = new Date();
    const send = async (): Promise<number> => {
      const alert = {
        status: 'firing',
        labels: { alertname: 'FlinkJobDown', cluster: 'trial', job_name: it.name },
        annotations: {},
        ...{ startsAt: at.toISOString(), endsAt: '0001-01-01T00:00:00Z', fingerprint: 'cafe' },
      };
      const response = await fetch(`http://127.0.0.1:${port}/v1/alerts/alertmanager`, {
        method: 'POST',
        headers: { 'content-type': 'application/json' },
        body: JSON.stringify({ version: '4', status: 'firing', receiver: 'holdfast', alerts: [alert] }),
        signal: AbortSignal.timeout(30_000),
      });
      return response.status;
    };
    try {
      await temporalDies(async () => {
        await it.lose();
        expect(await send()).toBe(503);
        await intake.kill();
        await expect(send()).rejects.toThrow();
        await intake.start();
        expect(await send()).toBe(503);
      });
      await until('the sender gets through', async () => (await send()) < 300);
      expect(await send()).toBeLessThan(300);
      await it.resumedFrom((await flink().checkpoints(it.run)).newest?.path ?? 'none');
      await it.oneCase();
      const { alerts } = await it.client.status(JOB);
      expect(alerts.filter(({ alert }) => alert.source === 'alertmanager')).toHaveLength(1);
    } finally {
      await intake.stop(0);
    }
  });
});
