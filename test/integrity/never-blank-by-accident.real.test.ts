/**
 * Promise 1, on the real systems: what Flink is given is a point of which every file is there, or nothing is given to it
 * at all; also when people and alerts press. Only a person's word for a start from nothing changes that.
 */
import { expect, test } from 'vitest';
import type { CaseStatus } from '../../domain/case.js';
import { until } from '../../stack/index.js';
import { JOB, trials, type Trial, type TrialConfig } from '../support/trial.js';

const { stack, flink, trial } = trials();

const said = { by: 'test', reason: 'the job has to run' };
const pathOf = (uri: string): string => new URL(uri).pathname;
const files = () => stack().hdfs.files;

/** The run's completed checkpoints, newest first: one that was open when the run failed leaves a directory, too. */
async function pointsOf({ run }: Trial): Promise<readonly string[]> {
  const { newest } = await flink().checkpoints(run);
  const directory = pathOf(newest?.path ?? '').replace(/chk-\d+$/, '');
  const ids = ((await files().list(directory)) ?? []).flatMap(({ pathSuffix }) =>
    pathSuffix.startsWith('chk-') ? [Number(pathSuffix.slice('chk-'.length))] : [],
  );
  const found = ids.sort((a, b) => b - a).map((id) => `${directory}chk-${id}`);
  const completed = await Promise.all(found.map((point) => files().stat(`${point}/_metadata`)));
  return found.filter((_, i) => completed[i] !== undefined);
}

/** No state is left that could tell what the job reads. */
function nameTheTopic(config: TrialConfig): void {
  const jobs = config['jobs'] as Record<string, { launch: { args: readonly string[] }; kafka: object }>;
  for (const { launch, kafka } of Object.values(jobs))
    Object.assign(kafka, { topics: [launch.args[launch.args.indexOf('--in') + 1]] });
}

test('two of three checkpoints are damaged, each in its own way: Flink is given the third, by name', async () => {
  const it = await trial({ checkpoints: 4, policy: { fallback: 'checkpoint' } });
  await it.lose();
  const [first = '', second = '', third = ''] = await pointsOf(it);
  await files().write(`${first}/_metadata`, (await files().read(`${first}/_metadata`)).subarray(0, 300));
  const state = (await files().list(second))?.find(({ pathSuffix }) => pathSuffix !== '_metadata');
  expect(await files().remove(`${second}/${state?.pathSuffix ?? ''}`)).toBe(true);
  await it.alert();
  const uri = `${stack().endpoints.hdfsUri}${third}`;
  const resumed = await it.resumedFrom(uri);
  const verdictOf = (point: string) => resumed.ladder.find(({ path }) => path.endsWith(point))?.verdict;
  expect([first, second, third].map(verdictOf)).toEqual(['broken', 'broken', 'sound']);
});

test('every checkpoint is gone: whatever is said, nothing is submitted, until a person says from where in Kafka', async () => {
  const it = await trial({
    policy: { fallback: 'checkpoint', firstStart: { kafkaFrom: 'earliest' } },
    configure: nameTheTopic,
  });
  await it.lose();
  const [newest = ''] = await pointsOf(it);
  await files().remove(newest.replace(/\/chk-\d+$/, ''));

  let looked = 0;
  /** It looks again after what is said, and stops again. */
  async function stopsAfter(say: () => Promise<unknown>): Promise<CaseStatus> {
    await say();
    const stopped = await until('the case has looked, and stopped', async () => {
      const now = await it.status();
      const stands = ['asking', 'aborted'].includes(now.phase) && (await it.steps()).length > looked;
      return stands ? now : undefined;
    });
    looked = (await it.steps()).length;
    return stopped;
  }
  const first = await stopsAfter(() => it.alert());
  expect(['StateMissing', 'StateLost']).toContain(first.because?.code);
  expect(first.question?.approves ?? null, 'there is nothing to approve').toBeNull();
  await it.alert();
  await stopsAfter(() =>
    first.phase === 'aborted' ? it.client.resume(JOB, said) : it.client.retryNow(JOB, said),
  );
  expect(await it.states()).toEqual(['FAILED']);

  await it.client.recover(JOB, { ...said, fromNothing: { kafkaFrom: 'earliest' } });
  const resumed = await it.phaseIs('resumed');
  expect(resumed.restored).toMatchObject({ point: 'nothing', fromNothing: { kafkaFrom: 'earliest' } });
  expect((await it.states()).filter((state) => state === 'RUNNING')).toHaveLength(1);
  await it.countsAreRight();
});
