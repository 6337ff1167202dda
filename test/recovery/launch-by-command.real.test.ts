/** A job that the operator's own program submits (`launch.command` and `launch.lookup`). On the real systems. */
import { join } from 'node:path';
import { expect, test } from 'vitest';
import { root } from '../../stack/root.js';
import { JOB, trials, type Trial, type TrialConfig } from '../support/trial.js';

const { flink, trial } = trials();

const program = join(root, 'test', 'support', 'launch-program.mjs');
const newestOf = async (it: Trial): Promise<string> =>
  (await it.flink.checkpoints(it.run)).newest?.path ?? 'none';

/** The same job, launched by a program that ends with this exit code after Flink took the job. */
const byCommand = (exitCode: number) => (config: TrialConfig) => {
  const jobs = config['jobs'] as Record<string, { launch: { jar: string; args: readonly string[] } }>;
  const job = jobs[JOB];
  if (job === undefined) throw new Error('the configuration has no job');
  const { jar, args } = job.launch;
  const run = [process.execPath, program];
  const placeholders = ['{restorePath}', '{runId}', '{claimMode}'];
  const command = [...run, 'launch', flink().base, jar, ...placeholders, String(exitCode), ...args];
  Object.assign(job, { launch: { command, lookup: [...run, 'lookup', flink().base, '{runId}'] } });
};

test('is restored by the command from the newest checkpoint, without claiming it; every window is counted right', async () => {
  const it = await trial({ configure: byCommand(0) });
  await it.lose();
  const point = await newestOf(it);
  await it.alert();
  const { failures } = await it.resumedFrom(point);
  expect(failures).toEqual([]);
  await it.oneCase();
});

test('whose command fails after Flink took the job is found by its lookup, and not submitted twice', async () => {
  const it = await trial({ configure: byCommand(7) });
  await it.lose();
  const point = await newestOf(it);
  await it.alert();
  await it.resumedFrom(point);
  expect((await it.steps()).filter(({ step }) => step === 'restoreJob')).toEqual([
    { step: 'restoreJob', tries: 1 },
  ]);
});
